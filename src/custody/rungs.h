// What this machine offers to hold a tree with, found at start by doing it once.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "custody/custodian.h"
#include "custody/delegation.h"
#include "os/cgroup.h"

namespace holdfast::custody {

struct Rungs {
  RungReport report;
  std::string leaf_parent;     // directory of this gateway's leaves; empty: rung tree
  os::CgroupLeaf hold = {};    // of that directory, locked (shared): by it others see that it is in use
  bool leaf_by_procs = false;  // this process sits in a cgroup with a poisoned kill counter
  Delegation handed = {};      // what report.limits rests on
};

// Makes a leaf beside where trees will live, has `keeper` born in it, kills it, waits for `populated 0` and
// removes it. Any failure drops the rung and says why. Calling thread: any.
// Where controllers are delegated to this place they are handed down to the leaves, and a leaf with limits is
// tried in the same way.
// Whether a PID namespace can be had is found in the same way, and is for those that ask.
// Directories of this kind beside it that nobody holds any more (their gateway was killed) are removed as far
// as they are empty; nobody is signalled.
Rungs find_rungs(const std::string& gateway_id, const std::filesystem::path& keeper, bool allow_leaf);
// No tree is left: takes back what was handed down and removes the places, the room first.
Result<void> clear_away(Delegation handed, const std::string& leaf_parent);

// `custody rung=leaf pidns=yes spawn=clone_into identity=handle reason=…`
void log_rungs(const RungReport& report);
// `custody.limits memory=cgroup pids="not enforced: …" cpu=… files="rlimit per process"`
void log_limits(const Enforcement& limits);

// The gateway's id: 8 hex digits, made once per state directory and kept in `state_dir`/gateway-id. Where
// that file is lost or damaged, `known` (what the ledger says) is taken: as somebody else, we could end
// nothing that we left.
Result<std::string> persistent_gateway_id(const std::filesystem::path& state_dir,
                                          const std::optional<std::string>& known);

}  // namespace holdfast::custody
