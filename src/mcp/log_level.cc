#include "mcp/log_level.h"

#include <algorithm>
#include <array>

#include "mcp/raw_json.h"

namespace holdfast::mcp {
namespace {

constexpr std::array<std::string_view, 8> kLevels{"debug", "info",     "notice", "warning",
                                                  "error", "critical", "alert",  "emergency"};

}  // namespace

std::optional<LogLevel> log_level_in(std::string_view params) {
  const auto found = std::ranges::find(kLevels, text_member(params, "level"));
  if (found == kLevels.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLevels.begin());
}

std::string log_level_params(LogLevel level) {
  return R"({"level":")" + std::string(kLevels.at(level)) + "\"}";
}

}  // namespace holdfast::mcp
