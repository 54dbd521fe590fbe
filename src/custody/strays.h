// What killed keepers left: their children come to the gateway, which is a subreaper. Used on the worker
// thread only, which is also the only one that reaps.
//
// The program around us may have children of its own. Nothing is a stray that lives in our own session (no
// child of a keeper can enter it), that was there before the first keeper, or that was seen while no keeper
// was dead (each start looks before its keeper is born); and after a keeper that ended in good order (it
// vouches for its tree) only what bears our mark.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "custody/types.h"
#include "os/pidfd.h"

namespace holdfast::custody {

class Strays {
 public:
  explicit Strays(std::string gateway_id);

  // Before a keeper is spawned: who is there while nobody is missing is no stray, now or later. Not after it:
  // a keeper may be killed in its first moments, and what it left would pass for somebody's own.
  void look();
  // It has been spawned. `watch` is a pidfd of it.
  void add_keeper(const std::string& tree, pid_t pid, os::PidFd watch);
  // Its tree is proven gone.
  void forget(const std::string& tree);

  // Reaps the keeper of `tree`: its status, or nullopt while it lives.
  std::optional<ExitStatus> reap_keeper(const std::string& tree);

  struct Pass {
    int left = 0;                      // strays that may belong to the tree, still alive
    int killed = 0;                    // of those, newly sent SIGKILL
    bool refused = false;              // EPERM on all that is left
    std::optional<ExitStatus> leader;  // status of `leader`, if this pass reaped it
  };
  // Reaps what is dead, then sends SIGKILL to every stray and to all that descends from one. The answer is
  // about those which `tree` may have left.
  Pass pass(const std::string& tree, pid_t leader);

 private:
  struct Keeper {
    pid_t pid = 0;
    os::PidFd watch;
    std::optional<ExitStatus> status;  // once reaped
    bool withheld = false;             // dead, and its status is not to be had: traced from outside
  };
  struct Stray {
    std::set<std::string> suspects;  // trees whose keeper was dead when it was first seen
    bool signalled = false;
    bool refused = false;
  };
  void reap_withheld();
  void find_new(pid_t self);
  [[nodiscard]] std::set<std::string> suspects_of(pid_t pid) const;
  void kill_below(pid_t root);
  Pass take_leader(Pass result, pid_t leader);
  [[nodiscard]] bool is_keeper(pid_t pid) const { return keeper_pids_.contains(pid); }

  std::string gateway_id_;
  std::map<std::string, Keeper> keepers_;
  std::set<pid_t> keeper_pids_;  // until each is reaped
  // Of trees that are gone: dead, and not to be reaped until who traces them lets go.
  std::set<pid_t> withheld_;
  std::map<pid_t, Stray> strays_;
  std::map<pid_t, std::optional<ExitStatus>> reaped_;  // leaders reaped in a pass asked for by another tree
  std::set<pid_t> foreign_;
  pid_t session_ = 0;
};

}  // namespace holdfast::custody
