#include "config/tool_name.h"

namespace holdfast::config {

std::optional<ToolName> split_tool_name(std::string_view qualified) {
  const auto at = qualified.find(kToolSeparator);
  const auto after = at + kToolSeparator.size();
  if (at == std::string_view::npos || at == 0 || after == qualified.size()) return std::nullopt;
  return ToolName{qualified.substr(0, at), qualified.substr(after)};
}

std::string join_tool_name(std::string_view server, std::string_view tool) {
  return std::string(server).append(kToolSeparator).append(tool);
}

}  // namespace holdfast::config
