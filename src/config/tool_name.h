// How steps, `call` and listings name a tool of a server: "server__tool".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::config {

inline constexpr std::string_view kToolSeparator = "__";

struct ToolName {
  std::string_view server, tool;
};
// Split at the first separator: no server's name holds one. nullopt: there is none, or nothing before or
// after it.
std::optional<ToolName> split_tool_name(std::string_view qualified);
std::string join_tool_name(std::string_view server, std::string_view tool);

}  // namespace holdfast::config
