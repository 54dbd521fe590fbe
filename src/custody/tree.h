// A tree: all processes of one server, whoever forked them and however they detached, held by one keeper.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/task_group.h"
#include "custody/types.h"

namespace holdfast::custody {

// Owned by the Custodian (shared, so that whoever looks may go on looking); lives on the loop thread.
// State changes happen through the table in custody/tree_state.h only.
class Tree {
 public:
  virtual ~Tree() = default;

  [[nodiscard]] virtual const std::string& id() const = 0;    // unique per state directory, [a-z0-9-]
  [[nodiscard]] virtual const std::string& name() const = 0;  // TreeSpec::name
  [[nodiscard]] virtual TreeState state() const = 0;
  [[nodiscard]] virtual Rung rung() const = 0;
  [[nodiscard]] virtual pid_t leader_pid() const = 0;
  [[nodiscard]] virtual pid_t keeper_pid() const = 0;
  [[nodiscard]] virtual SystemTime started_at() const = 0;
  [[nodiscard]] virtual const std::string& reason() const = 0;  // of the newest state change
  // Whether the kernel killed members of it for want of memory, as far as its leaf tells: "memory cap …", or
  // that it was somebody else's want; empty: no. For who saw it end and wants to say why.
  [[nodiscard]] virtual std::string out_of_memory() const { return {}; }
  // All live members, counted now from the leaf or from /proc (costs a walk: for `ps`, not for decisions).
  [[nodiscard]] virtual std::vector<pid_t> members() const = 0;

  // The gateway's ends of the three pipes, lent: custody closes them. -1 once closed. Non-blocking, CLOEXEC.
  // The borrower stops using stdin when before_stop runs, and stdout and stderr when gone() is told.
  [[nodiscard]] virtual int stdin_fd() const = 0;
  [[nodiscard]] virtual int stdout_fd() const = 0;
  [[nodiscard]] virtual int stderr_fd() const = 0;

  struct Watcher {
    // Before stdin is closed: answer what the server still waits for, stop writing. Bounded by `deadline`;
    // what is not done by then is abandoned. May be empty.
    std::function<asio::awaitable<void>(std::chrono::steady_clock::time_point deadline)> before_stop;
    // The leader exited. `served_on`: members hold our pipes and it exited with 0 (a wrapper's hand-over);
    // the gateway should ask with a ping. Otherwise the tree is being retired already.
    std::function<void(ExitStatus status, bool served_on)> leader_exited;
    // Orphaned or stopping began, whoever began it.
    std::function<void()> retiring;
    std::function<void(const Ending&)> gone;
  };
  virtual void watch(Watcher watcher) = 0;  // one watcher; called on the loop

  // active <-> idle is the gateway's business; this one is custody's.
  virtual void orphan(std::string reason) = 0;  // nobody holds it any more; from here it can only be stopped
};

}  // namespace holdfast::custody
