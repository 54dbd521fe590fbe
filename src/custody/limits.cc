#include "custody/limits.h"

#include <cerrno>

#include "base/fixed_string.h"
#include "os/leaf_below.h"

namespace holdfast::custody {

namespace {

// Absent where the kernel has no swap, or is older than Linux 4.19: then there is nothing to be set.
Result<void> set_if_there(const os::CgroupLeaf& leaf, const char* file, std::string_view value) {
  auto set = os::set_leaf_limit(leaf, file, value);
  if (!set && set.error().is_errno(ENOENT)) return {};
  return set;
}

}  // namespace

Result<void> limit_leaf(const os::CgroupLeaf& leaf, const Limits& limits) {
  const auto set = [&](const char* file, std::uint64_t value, const char* behind = "") {
    FixedString<64> text;
    text.append_number(static_cast<long long>(value)).append(behind);
    return os::set_leaf_limit(leaf, file, text.view());
  };
  if (limits.memory != 0) {
    if (auto done = set("memory.max", limits.memory); !done) return done;
    // What may be swapped out is no bound, and a tree that lost one of its own serves nobody.
    if (auto done = set_if_there(leaf, "memory.swap.max", "0"); !done) return done;
    if (auto done = set_if_there(leaf, "memory.oom.group", "1"); !done) return done;
  }
  if (limits.pids != 0)
    if (auto done = set("pids.max", limits.pids); !done) return done;
  if (limits.cpu != 0) return set("cpu.max", limits.cpu * 1000, " 100000");
  return {};
}

}  // namespace holdfast::custody
