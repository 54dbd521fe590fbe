// Where this process sits in the cgroup v2 hierarchy, out of the text that the kernel gives. No heap: the
// keeper's program uses it too.
#pragma once

#include <optional>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"

namespace holdfast::os {

using CgroupPath = FixedString<1024>;  // a longer one is not found: then there is no leaf, only the tree

struct CgroupMount {
  CgroupPath root, point;  // what part of the hierarchy is mounted, and where
};

// A line of /proc/PID/cgroup: the path in the cgroup2 hierarchy; nullopt: it speaks of another one.
std::optional<std::string_view> parse_cgroup(std::string_view line);
// A line of mountinfo; nullopt: no cgroup2 is mounted by it.
std::optional<CgroupMount> parse_cgroup_mount(std::string_view line);
// The directory of the cgroup `path`, seen through `mount`. not_found: no path of ours leads there.
Result<CgroupPath> cgroup_directory(const CgroupMount& mount, std::string_view path);
// cgroup.events says that no process is left below.
bool says_empty(std::string_view events);

// The absolute path, in the mounted cgroup2 hierarchy (hybrid mounts too), of the cgroup this process is in.
// not_found: no cgroup2 mount, or our cgroup lies outside of what is mounted.
Result<CgroupPath> own_cgroup_path();

}  // namespace holdfast::os
