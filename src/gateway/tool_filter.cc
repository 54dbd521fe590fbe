#include "gateway/tool_filter.h"

#include <fnmatch.h>

#include <algorithm>

#include "mcp/client.h"
#include "mcp/raw_json.h"
#include "mcp/splice.h"

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

}  // namespace

bool ToolFilter::offers(const std::string& tool) const {
  return (include_.empty() || any_matches(include_, tool)) && !any_matches(exclude_, tool);
}

std::optional<std::string> ToolFilter::withheld(std::string_view params) const {
  std::string text(params);
  const auto read = mcp::Splicer().read_params(mcp::PaddedText::in(text));
  if (!read || !read->name) return std::nullopt;  // it names none, and the server says so
  auto name = mcp::decode_string(read->name.of(text));
  if (!name || offers(*name)) return std::nullopt;
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
