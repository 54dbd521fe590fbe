#include "os/namespaces.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "os/small_file.h"

namespace holdfast::os {
namespace {

constexpr std::string_view kForkInit = "pid namespace", kKeepIds = "user map", kMountProc = "mount /proc";

// Without CLONE_VM and a stack it is a fork: the child goes on here, in a copy of this memory.
long clone_init(std::uint64_t flags, int& pidfd) {
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | CLONE_NEWPID | flags;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

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
  int fd = -1;
  long pid = clone_init(0, fd);
  if (pid < 0 && errno == EPERM) {
    birth.user_namespace = true;  // the child's copy knows it, too
    pid = clone_init(CLONE_NEWUSER, fd);
  }
  if (pid < 0) return sys_error(kForkInit);
  if (pid > 0) birth.init = PidFd(UniqueFd(fd), static_cast<pid_t>(pid));
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
