// Starting a program: clone3 with CLONE_VM|CLONE_VFORK|CLONE_PIDFD on a stack of its own, so that the cost
// does not grow with the caller's memory, and the child's errors come back through memory it shares. Used by
// the gateway (keepers) and by the keeper (the server). No heap.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "os/descriptors.h"
#include "os/pidfd.h"

namespace holdfast::os {

// Where a birth failed. The numbers travel in the keeper's protocol. The last three are those of a PID
// namespace (namespaces.h).
enum class SpawnStep : int {
  clone3,
  setsid,
  prctl,
  cgroup_procs,
  dup3,
  close_range,
  execve,
  pid_namespace,
  user_map,
  mount_proc
};
std::string_view to_string(SpawnStep step);
SpawnStep spawn_step(const Error& error);  // of an error of spawn(), or of what prepares for it
constexpr bool of_namespace(SpawnStep step) {
  return step >= SpawnStep::pid_namespace && step <= SpawnStep::mount_proc;
}

struct SpawnOptions {
  const char* path = nullptr;   // absolute; the caller searched PATH
  char* const* argv = nullptr;  // null-terminated
  char* const* envp = nullptr;  // null-terminated
  std::span<const int> fds =
      {};            // child's descriptors 0, 1, 2, …: fds[i] becomes i; all others are closed (close_range)
  int leaf_fd = -1;  // cgroup v2 directory to be born in; -1: the caller's
  bool leaf_by_procs =
      false;  // join by writing "0" to cgroup.procs instead of CLONE_INTO_CGROUP (poisoned counter)
  bool new_session = true;                       // setsid: a session of its own, no controlling terminal
  const DescriptorLimit* descriptors = nullptr;  // RLIMIT_NOFILE of the program; null: the caller's
  std::uint64_t data = 0;                        // RLIMIT_DATA of the program, in bytes; 0: the caller's
  int parent_death_signal = 0;  // PR_SET_PDEATHSIG; bound to the calling *thread*, which must be permanent
};

// What went wrong in the child, where; `errno` is in Error::code and the step in Error::op: "clone3",
// "setsid", "prctl", "cgroup.procs", "dup3", "close_range", "execve". On success the program has
// been exec'ed. Signal mask empty, all dispositions default, PDEATHSIG as asked. If a newborn in a leaf was
// killed by a poisoned kill counter (SIGKILL before its first act: where our own cgroup was once ended by
// cgroup.kill, the kernel takes that cgroup's counter for the leaf's; seen on Linux 6.18), it is spawned
// again by writing cgroup.procs; `*poisoned` (may be null) then says so, for the caller to remember.
Result<PidFd> spawn(const SpawnOptions& options, bool* poisoned = nullptr);

// Returns twice, as fork(2): to the caller, and in a copy of it, where the pidfd is empty. For a process with
// one thread. The copy ends by end_process() and nothing else. `flags`: CLONE_NEW… of clone(2).
Result<PidFd> fork_process(std::uint64_t flags = 0);
// fds[i] becomes i, and all others are closed, as in a child of spawn(). "dup3" or "close_range" failed; what
// is open then is any mixture.
Result<void> place_descriptors(std::span<const int> fds);

}  // namespace holdfast::os
