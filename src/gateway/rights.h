// What somebody may use: which servers, and which of their tools.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/tool_filter.h"

namespace holdfast::gateway {

// A value; the default is everything.
struct Rights {
  // `SERVER__TOOL`, each half a glob as in fnmatch(3), or `*` alone for all tools of all servers. The tool's
  // half is compared with the server's own name for it.
  std::vector<std::string> tools{"*"};
  std::vector<std::string> servers{};  // not empty: of these only
  bool operator==(const Rights&) const = default;
};

// Errc::invalid: a glob that could never permit what was meant.
Result<void> check_rights(const Rights& rights);

// Which tools of `server` are permitted; the rest of it (prompts, resources) is, too. nullopt: nothing of it,
// and it is as if there were no such server.
std::optional<ToolFilter> tools_within(const Rights& rights, const std::string& server);

}  // namespace holdfast::gateway
