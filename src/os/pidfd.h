// A process by a handle that a successor of the same number cannot take over. The only place that signals
// processes.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

// pidfd_open(2), Linux 5.3; pidfd_send_signal(2), 5.1. No heap.
class PidFd {
 public:
  PidFd() = default;
  PidFd(UniqueFd fd, pid_t pid) : fd_(std::move(fd)), pid_(pid) {}
  // Names whichever process has this number now: the caller verifies identity or ancestry afterwards. Refuses
  // pid <= 1.
  static Result<PidFd> open(pid_t pid);
  // Of a pidfd whose number is not known (a process handle): asks the kernel. ESRCH: the process is gone.
  static Result<PidFd> adopt(UniqueFd fd);

  // true: delivered. false: the process is gone already (which is what most callers wanted). EPERM is an
  // error.
  Result<bool> signal(int number) const;
  // The same to the process group that this process leads. Only for an own, unreaped child that has a session
  // of its own: while it is unreaped the number is its group's, and nobody from elsewhere can be in it.
  Result<bool> signal_group(int number) const;
  // True once the whole thread group has exited (readable pidfd); zombies count as exited, a leader-less
  // process does not.
  [[nodiscard]] bool exited() const;

  [[nodiscard]] int get() const { return fd_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int release() { return fd_.release(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  UniqueFd fd_;
  pid_t pid_ = 0;
};

// Of the own child `pid` (or -1: any), with __WALL; never blocks (WNOHANG). `pid` 0: nothing to reap now.
// Error ECHILD: no such child.
struct Waited {
  pid_t pid = 0;
  int code = 0;    // exit code, if signal == 0
  int signal = 0;  // the signal that ended it
};
Result<Waited> wait_child(pid_t pid);
// A child that was stopped (SIGSTOP and its kin) and not yet asked about; 0: none. Reaps nobody. The only
// news of a child that its pidfd does not tell.
Result<pid_t> stopped_child();
// False: the kernel says ECHILD, there is no child of any kind, dead or alive. Takes no status.
bool has_child();

}  // namespace holdfast::os
