#include "gateway/tool_filter.h"

#include <fnmatch.h>

#include <algorithm>

#include "mcp/client.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

bool any_matches(const std::vector<std::string>& globs, const std::string& tool) {
  return std::ranges::any_of(globs,
                             [&](const auto& glob) { return ::fnmatch(glob.c_str(), tool.c_str(), 0) == 0; });
}

Result<std::string> name_of(std::string_view tool) {
  const auto all = mcp::members(mcp::PaddedText::promised(tool));
  return all ? mcp::decode_string(mcp::member(*all, "name")) : std::unexpected(all.error());
}

// Go's reader, for one, takes a member in other letters for it, and of two the last.
bool may_be_name(std::string_view key) {
  return std::ranges::equal(key, std::string_view("name"),
                            [](char a, char b) { return a == b || a == b - 'a' + 'A'; });
}

}  // namespace

bool ToolFilter::offers(const std::string& tool) const {
  return (include_.empty() || any_matches(include_, tool)) && !any_matches(exclude_, tool);
}

std::optional<std::string> ToolFilter::withheld(std::string_view params) const {
  std::string text(params);
  const auto all = mcp::members(mcp::PaddedText::in(text));
  if (!all || std::ranges::count_if(*all, [](const auto& each) { return may_be_name(each.key); }) != 1)
    return std::string();
  auto name = mcp::decode_string(mcp::member(*all, "name"));
  if (!name) return std::string();
  if (offers(*name)) return std::nullopt;
  return *std::move(name);
}

Result<std::string> ToolFilter::listing(std::string result) const {
  const auto all = mcp::members(mcp::PaddedText::in(result));
  if (!all) return std::unexpected(all.error());
  const std::string_view list = mcp::member(*all, "tools");
  const auto tools = mcp::elements(mcp::PaddedText::promised(list), mcp::kMostTools);
  if (!tools)
    return fail(Errc::protocol, "tools/list",
                tools.error().is(Errc::limit) ? "the result has too many tools" : "the result has no tools");
  std::string kept("[");
  for (const std::string_view tool : *tools) {
    const auto name = name_of(tool);
    if (!name || !offers(*name)) continue;
    if (kept.size() > 1) kept += ',';
    kept += tool;
  }
  kept += ']';
  return result.replace(static_cast<std::size_t>(list.data() - result.data()), list.size(), kept);
}

}  // namespace holdfast::gateway
