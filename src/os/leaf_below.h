// A cgroup v2 leaf below the cgroup that this process lives in, without heap and without a ledger: for
// custody that has no state directory. A leaf in use is locked (flock, shared) by those who hold it; one that
// nobody locks was left behind.
#pragma once

#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "os/cgroup.h"

namespace holdfast::os {

// The directory of our own cgroup in the mounted cgroup2 hierarchy, open. not_found: there is none, or our
// cgroup lies outside of what is mounted.
Result<UniqueFd> open_own_cgroup();

// The cgroup above `own`, open. not_found: `own` is the topmost that can be seen.
Result<UniqueFd> open_cgroup_above(int own);

// Makes `prefix`<8 hex digits> below `parent`, locked (shared) for as long as any copy of its descriptor
// lives.
Result<CgroupLeaf> make_leaf_below(int parent, std::string_view prefix);

// Removes it and the empty cgroups below it, depth first, retrying EBUSY for a few milliseconds. The caller
// has seen that it is not populated. One that is gone already is fine.
Result<void> remove_leaf(const CgroupLeaf& leaf);

// Kills and removes the leaves below `parent` that bear the prefix and that nobody holds; never one in use.
// Takes 50 ms at most, and leaves the rest to the next one who sweeps. How many were removed.
int sweep_leaves_below(int parent, std::string_view prefix);

// Writes one of the leaf's limits ("memory.max"). ENOENT: the controller is not delegated to this place.
Result<void> set_leaf_limit(const CgroupLeaf& leaf, const char* file, std::string_view value);

}  // namespace holdfast::os
