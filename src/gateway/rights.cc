#include "gateway/rights.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/mutant.h"
#include "config/tool_name.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kMostGlobs = 256, kLongestGlob = 256;

std::optional<config::ToolName> split(std::string_view glob) {
  return glob == "*" ? config::ToolName{"*", "*"} : config::split_tool_name(glob);
}

// What is no UTF-8 would come back from the disk as another glob.
bool is_kept_as_it_is(const std::string& text) {
  const auto back = mcp::decode_string(mcp::quote(text));
  return text.size() <= kLongestGlob && back && *back == text;
}

}  // namespace

Result<void> check_rights(const Rights& rights) {
  if (rights.tools.size() > kMostGlobs || rights.servers.size() > kMostGlobs)
    return fail(Errc::invalid, "rights", "too many of them");
  if (rights.tools.empty()) return fail(Errc::invalid, "rights", "no tool at all");
  for (const auto& glob : rights.tools)
    if (!is_kept_as_it_is(glob) || !split(glob))
      return fail(Errc::invalid, "a glob of tools is SERVER__TOOL, or * for all", glob);
  for (const auto& server : rights.servers)
    if (server.empty() || !is_kept_as_it_is(server))
      return fail(Errc::invalid, "not the name of a server", server);
  return {};
}

std::optional<ToolFilter> tools_within(const Rights& rights, const std::string& server) {
  if (kSwitchedOff == Mechanism::token_rights) return ToolFilter({}, {});
  if (!rights.servers.empty() && std::ranges::count(rights.servers, server) == 0) return std::nullopt;
  std::vector<std::string> globs;
  for (const auto& glob : rights.tools) {
    const auto name = split(glob);
    if (!name || ::fnmatch(std::string(name->server).c_str(), server.c_str(), 0) != 0) continue;
    if (name->tool == "*") return ToolFilter({}, {});
    globs.emplace_back(name->tool);
  }
  if (globs.empty()) return std::nullopt;
  return ToolFilter(std::move(globs), {});
}

}  // namespace holdfast::gateway
