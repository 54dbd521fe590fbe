// cgroup v2 leaves: one directory per tree (cgroup-v2.rst; cgroup.kill since Linux 5.14). No heap where the
// keeper uses it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/pidfd.h"

namespace holdfast::os {

// A leaf's directory, open. Does not remove it when destroyed.
class CgroupLeaf {
 public:
  CgroupLeaf() = default;
  explicit CgroupLeaf(UniqueFd dir) : dir_(std::move(dir)) {}
  // mkdir below `parent` (absolute path in the cgroup2 mount), open. EEXIST is an error: names are never used
  // twice.
  static Result<CgroupLeaf> create(const std::string& parent, std::string_view name);
  static Result<CgroupLeaf> open(const std::string& path);

  Result<bool> populated() const;  // the subtree holds a live process; zombies do not count
  // One pass: cgroup.kill, then SIGKILL by verified pidfd to every pid still listed, sub-cgroups too (a
  // process whose first thread has exited survives cgroup.kill). Also thaws. How many were listed. The caller
  // repeats until !populated().
  Result<int> kill_pass() const;
  Result<void> thaw() const;  // "0" to cgroup.freeze of the whole subtree
  Result<void> for_each_member(void (*visit)(void* context, pid_t pid),
                               void* context) const;  // whole subtree
  // Hands `visit` a pidfd of every member, verified as still listed after it was opened, until it returns
  // false. Not this process itself. How many were handed out.
  Result<int> for_each_verified(bool (*visit)(void* context, const PidFd& member), void* context) const;
  template <class F>
  Result<int> for_each_verified(F&& visit) const {
    return for_each_verified(
        [](void* f, const PidFd& member) { return (*static_cast<std::remove_reference_t<F>*>(f))(member); },
        &visit);
  }
  // cgroup.events read again through the descriptor of events_fd(): clears its POLLPRI. True: populated.
  static Result<bool> populated_again(int events);
  Result<UniqueFd> events_fd()
      const;  // cgroup.events: POLLPRI on every change of `populated`; re-read after each wake
  [[nodiscard]] int dir() const { return dir_.get(); }
  Result<std::uint64_t> id() const;  // inode of the directory: tells a successor of the same name
  explicit operator bool() const { return static_cast<bool>(dir_); }

 private:
  UniqueFd dir_;
};

// Removes `path` and the empty cgroups below it, depth first. EBUSY right after a kill is retried for a few
// ms by the caller.
Result<void> remove_cgroup(const std::string& path);
// Names of the sub-cgroups of `path` that start with `prefix`.
Result<std::vector<std::string>> list_cgroups(const std::string& path, std::string_view prefix);
// The absolute path of the cgroup this process is in, where it can be seen: own_cgroup_path() of
// os/cgroup_path.h for whoever has a heap.
Result<std::string> own_cgroup();

}  // namespace holdfast::os
