// A world of its own for one run: a PID namespace, an empty file system, and a cgroup where that is wanted.
#pragma once

#include <functional>
#include <string>

namespace holdfast::faults {

inline constexpr int kCannot = 77;

// Calls `live` as the world's init, with its empty directory; gives its exit status. kCannot: not possible
// here, and why on stderr.
int in_a_world(bool leaf, const std::function<int(const std::string& home)>& live);

}  // namespace holdfast::faults
