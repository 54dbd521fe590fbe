// What one tree may use, and how a machine holds it to that. No heap: a face limits a leaf with it, too.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "os/cgroup.h"

namespace holdfast::custody {

struct Limits {              // 0: none
  std::uint64_t memory = 0;  // bytes of the whole tree
  std::uint64_t pids = 0;    // processes and threads of the whole tree
  std::uint64_t cpu = 0;     // percent of one processor, of the whole tree
  std::uint64_t files = 0;   // descriptors of each process
  [[nodiscard]] bool need_leaf() const { return memory != 0 || pids != 0 || cpu != 0; }
  bool operator==(const Limits&) const = default;
};

// All of them but `files`, of whoever is born in the leaf from now on. An end for want of memory is that of
// the whole leaf, and of nobody else. ENOENT: the controller has not been handed down to this leaf.
Result<void> limit_leaf(const os::CgroupLeaf& leaf, const Limits& limits);

}  // namespace holdfast::custody
