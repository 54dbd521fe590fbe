#include "base/field_name.h"

#include <algorithm>

#include "base/ascii.h"

namespace holdfast {
namespace {

constexpr std::string_view kSecret = "what it holds is a secret, and keys are shown";
constexpr std::string_view kCommon = "every request has it, whoever sends it";

struct Field {
  std::string_view name, why;
};

constexpr Field kOthers[] = {
    {"authorization", kSecret}, {"cookie", kSecret},          {"proxy-authorization", kSecret},
    {"accept", kCommon},        {"accept-encoding", kCommon}, {"accept-language", kCommon},
    {"connection", kCommon},    {"content-length", kCommon},  {"content-type", kCommon},
    {"host", kCommon},          {"mcp-session-id", kCommon},  {"sec-fetch-mode", kCommon},
    {"user-agent", kCommon},
};

}  // namespace

bool is_field_name(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (upper(c) >= 'A' && upper(c) <= 'Z') || kMarks.contains(c);
  });
}

bool same_field(std::string_view a, std::string_view b) { return same_but_case(a, b); }

std::optional<std::string_view> says_nothing_of_its_client(std::string_view name) {
  const auto* const other =
      std::ranges::find_if(kOthers, [&](const Field& one) { return same_field(one.name, name); });
  if (other == std::end(kOthers)) return std::nullopt;
  return other->why;
}

}  // namespace holdfast
