// Who a process is, so that a successor of its number is never taken for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/pidfd.h"

namespace holdfast::custody {

struct Identity {
  pid_t pid = 0;                  // 0: unknown
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat: only 10 ms fine
  std::uint64_t handle = 0;       // of the pidfd's file system (Linux 6.14); 0: not to be had
  bool operator==(const Identity&) const = default;
};

// Of a living process behind a pidfd. What cannot be had stays 0.
Identity identify(const os::PidFd& process);
Identity identify(pid_t pid);

// What an entry of the ledger proves about the process that has its number now.
struct Observed {
  bool same_boot = false;
  bool alive = false;            // some process has the number and has not exited
  bool handle_names_it = false;  // the recorded handle opened, and is that process
  bool handle_refused = false;   // the recorded handle names a process that is gone (ESTALE)
  std::uint64_t start_ticks = 0;
  uid_t uid = static_cast<uid_t>(-1);
  bool marked = false;  // it carries our mark
};
enum class Verdict {
  ours,        // proven: may be signalled
  gone,        // proven: that process does not live any more
  unprovable,  // something that could be it, but need not: reported, never signalled
};
Verdict judge(const Identity& recorded, uid_t uid, const Observed& seen);

// What it must carry where no handle proves it: this HOLDFAST_TREE, or the name of a keeper and this tree's
// id in its title.
struct Mark {
  std::string_view tag{}, kept_tree{};
};
// The process of `recorded`, held, if it is proven to be ours.
struct Found {
  Verdict verdict = Verdict::gone;
  os::PidFd process;  // set if ours
};
Found find(const Identity& recorded, uid_t uid, const Mark& mark);

// True if handles can be had on this machine.
bool handles_work();

inline constexpr std::string_view kTagVariable = "HOLDFAST_TREE";
inline constexpr std::string_view kKeeperName = "holdfast-keep";  // how the comm of every keeper begins

}  // namespace holdfast::custody
