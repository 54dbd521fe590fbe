#include "os/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>

#include "os/small_file.h"
#include "os/spawn.h"

namespace holdfast::os {
namespace {

constexpr std::string_view kForkInit = "pid namespace", kKeepIds = "user map", kMountProc = "mount /proc";

// "ID ID 1": the one line that a process without privilege may write for itself.
Result<void> map_one(const char* file, long long id) {
  FixedString<64> line;
  line.append_number(id).append(" ").append_number(id).append(" 1\n");
  if (auto done = write_small(AT_FDCWD, file, line.view()); !done)
    return sys_error(kKeepIds, file, done.error().code.value());
  return {};
}

}  // namespace

Result<InitBirth> fork_init() {
  InitBirth birth{.init = {}, .user_namespace = false, .user = ::geteuid(), .group = ::getegid()};
  auto init = fork_process(CLONE_NEWPID);
  if (!init && init.error().is_errno(EPERM)) {
    birth.user_namespace = true;  // the child's copy knows it, too
    init = fork_process(CLONE_NEWPID | CLONE_NEWUSER);
  }
  if (!init) return sys_error(kForkInit, {}, init.error().code.value());
  birth.init = *std::move(init);
  return birth;
}

Result<void> keep_own_ids(const InitBirth& birth) {
  if (!birth.user_namespace) return {};
  // The maps of an undumpable process are root's, outside. The caller makes itself undumpable afterwards.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return sys_error(kKeepIds, "PR_SET_DUMPABLE");
  // Groups may be mapped only by who can drop none any more: a group may be there to forbid something.
  if (auto done = write_small(AT_FDCWD, "/proc/self/setgroups", "deny"); !done)
    return sys_error(kKeepIds, "setgroups", done.error().code.value());
  if (auto done = map_one("/proc/self/uid_map", birth.user); !done) return done;
  return map_one("/proc/self/gid_map", birth.group);
}

Result<void> mount_own_proc() {
  if (::unshare(CLONE_NEWNS) != 0) return sys_error(kMountProc, "unshare");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return sys_error(kMountProc, "slave");
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return sys_error(kMountProc);
  return {};
}

}  // namespace holdfast::os
