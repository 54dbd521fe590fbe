// The steps of a start up to the keeper's exec, each undone if a later one fails. Blocks (mkdir, exec), so it
// runs on the worker thread, but never on a file system of the server's choice: only its keeper touches
// those.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "custody/ledger.h"
#include "custody/limits.h"
#include "custody/types.h"
#include "os/cgroup.h"
#include "os/descriptors.h"
#include "os/pidfd.h"

namespace holdfast::custody {

struct LaunchPlan {
  Command command;
  Graces graces;
  LedgerEntry intent;          // complete but for identities; leaf empty: rung tree
  bool pidns = false;          // in a PID namespace of its own
  bool leaf_by_procs = false;  // this process's kill counter is known to be poisoned
  std::filesystem::path keeper;
  int gateway_pidfd = -1;
  std::optional<os::DescriptorLimit> descriptors = {};
  Limits leaf_limits = {};  // what the leaf is held to
  Limits own_limits = {};   // and each process for itself: memory, files
};

struct Launched {
  os::PidFd keeper;
  UniqueFd lifeline;
  UniqueFd in, out, err;  // our ends, non-blocking
  std::uint64_t leaf_id = 0;
};

// Intent in the ledger, leaf, pipes, keeper running. After an error, bury() what there is. `held_again`: the
// directory of the leaves, where it had to be made again; to be kept, whether or not there was an error.
Result<Launched> launch(const LaunchPlan& plan, const Ledger& ledger, os::CgroupLeaf& held_again);

// The second half of the ledger's entry, once the keeper has reported its leader.
Result<LedgerEntry> record_identity(LedgerEntry intent, const Identity& keeper, pid_t leader,
                                    std::uint64_t leader_ticks, std::uint64_t leaf_id, const Ledger& ledger);

// Empty by now: removes the leaf, retrying EBUSY for a few ms, then the ledger's entry.
Result<void> bury(const LedgerEntry& entry, const Ledger& ledger);

}  // namespace holdfast::custody
