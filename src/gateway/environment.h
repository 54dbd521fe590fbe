// What a child sees of the gateway's own environment: an allow-list, never the whole (I10).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::gateway {

// HOME LANG LC_* LOGNAME PATH SHELL TERM TMPDIR TZ USER XDG_*
[[nodiscard]] bool is_inherited(std::string_view name);

// The allowed part of `own` (null-terminated, as environ), overlaid with `extra`, sorted, "NAME=value". A
// PATH is always there: without one of the gateway's own it is the system's default.
std::vector<std::string> make_environment(const char* const* own,
                                          const std::map<std::string, std::string>& extra);

}  // namespace holdfast::gateway
