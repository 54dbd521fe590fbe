// The levels of the protocol's log messages (spec, "Logging"; RFC 5424's severities).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::mcp {

// By its place, 0 the most verbose.
using LogLevel = std::size_t;

// The level that `params` names, of logging/setLevel or of notifications/message; nullopt: none of them.
[[nodiscard]] std::optional<LogLevel> log_level_in(std::string_view params);
// The params of a logging/setLevel.
[[nodiscard]] std::string log_level_params(LogLevel level);

}  // namespace holdfast::mcp
