#include "os/own_world.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "os/small_file.h"

namespace holdfast::os {
namespace {

constexpr int kCannot = 77;

// In a user namespace of our own we are root, and our files are ours.
Result<void> become_root_here() {
  const std::string user = "0 " + std::to_string(::geteuid()) + " 1",
                    group = "0 " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWUSER) != 0) return sys_error("unshare", "user namespace");
  if (auto done = write_small(AT_FDCWD, "/proc/self/setgroups", "deny"); !done) return done;
  if (auto done = write_small(AT_FDCWD, "/proc/self/uid_map", user); !done) return done;
  return write_small(AT_FDCWD, "/proc/self/gid_map", group);
}

bool furnish(const char* directory) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0 &&
         ::mount("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=16m") == 0;
}

}  // namespace

Result<pid_t> fork_own_world(const std::string& directory) {
  if (::geteuid() != 0)
    if (auto done = become_root_here(); !done) return forward(done);
  if (::unshare(CLONE_NEWPID) != 0) return sys_error("unshare", "PID namespace");
  const pid_t child = ::fork();
  if (child < 0) return sys_error("fork", "init");
  if (child == 0 && !furnish(directory.c_str())) {
    std::perror("a world of its own");
    ::_exit(kCannot);
  }
  return child;
}

Result<pid_t> fork_as(pid_t number) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = number == 0 ? 0 : reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = number == 0 ? 0 : 1;
  const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child < 0) return sys_error("clone3", "set_tid " + std::to_string(number));
  return static_cast<pid_t>(child);
}

}  // namespace holdfast::os
