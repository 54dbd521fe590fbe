// The controllers of cgroup v2: which of them a cgroup has, and handing them down to those below it
// (cgroup-v2.rst, "Top-down Constraint" and "No Internal Process Constraint"). The gateway's, not the
// keeper's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/cgroup.h"

namespace holdfast::os {

// cgroup.controllers and cgroup.subtree_control; empty also where they cannot be read.
std::vector<std::string> controllers_of(const std::string& cgroup);
std::vector<std::string> controllers_below(const std::string& cgroup);

// Only there may processes live beside cgroups that have controllers.
bool is_hierarchy_root(const std::string& cgroup);

// +NAME or -NAME in its cgroup.subtree_control. EBUSY: processes live in it; or, for a taking back, somebody
// below hands it on.
Result<void> hand_down(const std::string& cgroup, std::string_view controller);
Result<void> take_back(const std::string& cgroup, std::string_view controller);

// This process, all its threads.
Result<void> move_into(const std::string& cgroup);

// memory.events of a leaf; zeros also where it has none.
struct MemoryEvents {
  std::uint64_t over = 0;    // how often it could not stay below its memory.max
  std::uint64_t killed = 0;  // how many in it the kernel killed for want of memory, whose-ever
};
MemoryEvents memory_events(const std::string& leaf);

}  // namespace holdfast::os
