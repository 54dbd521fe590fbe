// Which tools of a server are offered: `tools.include` and `tools.exclude` of its entry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mcp/client.h"

namespace holdfast::gateway {

// Globs as in fnmatch(3). Pure.
class ToolFilter {
 public:
  // An empty `include` means all; `exclude` has the last word.
  ToolFilter(std::vector<std::string> include, std::vector<std::string> exclude)
      : include_(std::move(include)), exclude_(std::move(exclude)) {}

  [[nodiscard]] bool offers_all() const { return include_.empty() && exclude_.empty(); }
  [[nodiscard]] bool offers(const std::string& tool) const;

  // The tool that the raw params of tools/call name, if it is not offered; empty if they do not name one and
  // one only, whoever reads them.
  [[nodiscard]] std::optional<std::string> withheld(std::string_view params) const;

  // The raw result of tools/list without what is not offered; all else stays the bytes that came.
  // Errc::protocol: it is no such result, and nothing of it may be shown.
  [[nodiscard]] Result<std::string> listing(std::string result) const;

 private:
  std::vector<std::string> include_, exclude_;
};

}  // namespace holdfast::gateway
