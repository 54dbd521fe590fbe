// The members of a tree as its keeper sees them: everything that descends from this process, and everything
// in the leaf where there is one. No number is remembered from one pass to the next, and no heap is used.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "os/cgroup.h"
#include "os/pidfd.h"

namespace holdfast::custody {

// A pipe's end, told by its inode.
struct PipeEnd {
  dev_t device = 0;
  ino_t inode = 0;
  bool known = false;  // false: not a pipe or socket, so that nobody "holds" it
  static PipeEnd of(const Result<struct stat>& info);
  [[nodiscard]] bool same_as(const PipeEnd& other) const;
};

class Members {
 public:
  // For a process that may have had children before the tree's keeper, or that is a namespace's init: who is
  // in its own session, or was born before the keeper, is none of the tree's.
  struct Strangers {
    pid_t session = 0;
    std::uint64_t born_before = 0;  // clock ticks since boot
  };
  // `init`, of a PID namespace: custody's own, a member for SIGKILL only (it would pass SIGTERM on once
  // more).
  Members(pid_t self, os::CgroupLeaf leaf, std::optional<Strangers> strangers = {}, pid_t init = 0)
      : self_(self), leaf_(std::move(leaf)), strangers_(strangers), init_(init) {}

  struct Pass {
    int signalled = 0;  // reached by a signal and not known to be dead before
    int refused = 0;    // EPERM: they belong to another user now
  };
  // SIGTERM and SIGCONT, once to every member, at most for `budget`.
  Pass terminate(std::chrono::milliseconds budget);
  // SIGKILL to every member. One walk: what is born meanwhile is for the next.
  Pass kill();

  // Nothing is left: no child to wait for, or none that lives (a child that a process outside traces is dead
  // and stays), and the leaf not populated. The caller has just reaped.
  [[nodiscard]] bool empty() const;
  // A living member that has `in` as descriptor 0 and `out` as descriptor 1; none: an empty PidFd.
  [[nodiscard]] os::PidFd holder_of(const PipeEnd& in, const PipeEnd& out);
  [[nodiscard]] const os::CgroupLeaf& leaf() const { return leaf_; }

 private:
  template <class F>
  void walk(F&& visit);
  void push(pid_t pid);
  [[nodiscard]] bool listed(pid_t pid) const;
  [[nodiscard]] bool all_children_dead() const;
  [[nodiscard]] bool is_stranger(pid_t pid) const;

  pid_t self_;
  os::CgroupLeaf leaf_;
  std::optional<Strangers> strangers_;
  pid_t init_;
  // Of the walk's queue, parents before children. What does not fit waits for the next pass, which comes
  // soon: by then its parents are dead and it is a direct child.
  std::size_t size_ = 0;
  std::array<pid_t, 2048> queue_;  // last: pages that nothing is pushed to are never touched
};

}  // namespace holdfast::custody
