#include "mcp/tool_result.h"

#include <algorithm>
#include <string>

#include "mcp/raw_json.h"

namespace holdfast::mcp {
namespace {

constexpr std::size_t kMostParts = 10'000;

bool is_part(std::string_view raw) {
  std::string text(raw);
  const auto all = members(PaddedText::in(text));
  return all && decode_string(member(*all, "type"));
}

}  // namespace

std::string_view fault_of_tool_result(std::string_view result) {
  std::string text(result);
  const auto all = members(PaddedText::in(text));
  if (!all || !well_formed(result)) return "it is not an object";
  const auto is_error = member(*all, "isError"), content = member(*all, "content");
  if (!is_error.empty() && is_error != "true" && is_error != "false")
    return "isError is neither true nor false";
  if (content.empty()) return {};
  std::string list(content);
  const auto parts = elements(PaddedText::in(list), kMostParts);
  if (!parts && parts.error().is(Errc::limit)) return "content has too many parts";
  if (!parts || !std::ranges::all_of(*parts, is_part)) return "content is not a list of parts with a type";
  return {};
}

}  // namespace holdfast::mcp
