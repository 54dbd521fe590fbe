#include "calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace holdfast::faults {
namespace {

using os::TracedCall;

// Only those that a gateway or a keeper makes; others go by their number.
constexpr auto kNames = std::to_array<std::pair<long, const char*>>({
#define CALL(name) {SYS_##name, #name}
    CALL(brk),
    CALL(capget),
    CALL(chdir),
    CALL(clock_gettime),
    CALL(clock_nanosleep),
    CALL(clone),
    CALL(clone3),
    CALL(close),
    CALL(close_range),
    CALL(dup),
    CALL(dup3),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_pwait),
    CALL(eventfd2),
    CALL(execve),
    CALL(exit),
    CALL(exit_group),
    CALL(faccessat),
    CALL(faccessat2),
    CALL(fchdir),
    CALL(fchmod),
    CALL(fchmodat),
    CALL(fcntl),
    CALL(flock),
    CALL(fstat),
    CALL(fsync),
    CALL(ftruncate),
    CALL(futex),
    CALL(getcwd),
    CALL(getdents64),
    CALL(geteuid),
    CALL(getpid),
    CALL(getppid),
    CALL(getrandom),
    CALL(getsid),
    CALL(gettid),
    CALL(gettimeofday),
    CALL(getuid),
    CALL(ioctl),
    CALL(kill),
    CALL(lseek),
    CALL(madvise),
    CALL(mkdirat),
    CALL(mmap),
    CALL(mprotect),
    CALL(munmap),
    CALL(name_to_handle_at),
    CALL(nanosleep),
    CALL(newfstatat),
    CALL(open_by_handle_at),
    CALL(openat),
    CALL(pidfd_open),
    CALL(pidfd_send_signal),
    CALL(pipe2),
    CALL(ppoll),
    CALL(prctl),
    CALL(pread64),
    CALL(prlimit64),
    CALL(read),
    CALL(readlinkat),
    CALL(recvfrom),
    CALL(renameat),
    CALL(renameat2),
    CALL(restart_syscall),
    CALL(rseq),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(sched_yield),
    CALL(sendto),
    CALL(set_robust_list),
    CALL(set_tid_address),
    CALL(setsid),
    CALL(signalfd4),
    CALL(socketpair),
    CALL(statx),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(unlinkat),
    CALL(waitid),
    CALL(write),
    CALL(writev),
#if defined(__x86_64__)
    CALL(access),
    CALL(arch_prctl),
    CALL(chmod),
    CALL(creat),
    CALL(epoll_wait),
    CALL(fork),
    CALL(lstat),
    CALL(mkdir),
    CALL(open),
    CALL(pipe),
    CALL(poll),
    CALL(readlink),
    CALL(rename),
    CALL(rmdir),
    CALL(stat),
    CALL(time),
    CALL(unlink),
    CALL(vfork),
#endif
#undef CALL
});

bool below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string file_of(pid_t thread, std::uint64_t fd) {
  std::array<char, 512> path{};
  const std::string link = "/proc/" + std::to_string(thread) + "/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

// What a call does to a file, and which argument says which one.
struct Touch {
  bool is = false, writes = false, opens = false;
  int path = -1, fd = -1;
};
Touch touch_of(const TracedCall& call) {
  const auto& a = call.arguments;
  switch (call.number) {
    case SYS_openat:
      return {.is = true, .writes = (a[2] & (O_WRONLY | O_RDWR | O_CREAT)) != 0, .opens = true, .path = 1};
    case SYS_mkdirat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_unlinkat:
      return {.is = true, .writes = true, .path = 1};
    case SYS_write:
    case SYS_writev:
      return {.is = true, .writes = true, .fd = 0};
    case SYS_read:
    case SYS_getdents64:
      return {.is = true, .fd = 0};
#if defined(__x86_64__)
    case SYS_open:
      return {.is = true, .writes = (a[1] & (O_WRONLY | O_RDWR | O_CREAT)) != 0, .opens = true, .path = 0};
    case SYS_mkdir:
    case SYS_rename:
    case SYS_unlink:
    case SYS_rmdir:
      return {.is = true, .writes = true, .path = 0};
#endif
    default:
      return {};
  }
}

bool makes_descriptor(pid_t thread, const TracedCall& call) {
  const auto& a = call.arguments;
  switch (call.number) {
    case SYS_pipe2:
    case SYS_socketpair:
    case SYS_pidfd_open:
    case SYS_epoll_create1:
    case SYS_eventfd2:
    case SYS_timerfd_create:
    case SYS_dup:
    case SYS_open_by_handle_at:
      return true;
    case SYS_signalfd4:
      return static_cast<int>(a[0]) == -1;
    case SYS_fcntl:
      return a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC;
    case SYS_clone3: {
      std::uint64_t flags = 0;
      (void)os::read_traced(thread, a[0], std::as_writable_bytes(std::span(&flags, 1)));
      return (flags & CLONE_PIDFD) != 0;
    }
    default:
      return touch_of(call).opens;
  }
}

}  // namespace

std::string name_of(long number) {
  const auto found = std::ranges::find(kNames, number, &std::pair<long, const char*>::first);
  return found != kNames.end() ? found->second : "call-" + std::to_string(number);
}

std::vector<int> errors_for(pid_t thread, const TracedCall& call, const std::string& state) {
  std::vector<int> errors;
  if (const Touch touch = touch_of(call); touch.is) {
    const auto argument = [&](int i) { return call.arguments[static_cast<std::size_t>(i)]; };
    const std::string path = touch.path >= 0 ? os::read_traced_text(thread, argument(touch.path))
                                             : file_of(thread, argument(touch.fd));
    if (below(path, state)) {
      errors.push_back(EIO);
      if (touch.writes) errors.insert(errors.end(), {ENOSPC, EROFS});
    } else if (touch.writes && touch.path >= 0 && !touch.opens && path.starts_with("/sys/fs/cgroup")) {
      errors.push_back(EAGAIN);  // cgroup.max.descendants
    }
  }
  if (call.number == SYS_epoll_ctl && call.arguments[1] == EPOLL_CTL_ADD)
    errors.push_back(ENOSPC);  // the user's max_user_watches
  if (makes_descriptor(thread, call)) errors.push_back(EMFILE);
  bool forks = call.number == SYS_clone3 || call.number == SYS_clone;
#if defined(__x86_64__)
  forks = forks || call.number == SYS_fork || call.number == SYS_vfork;
#endif
  if (forks) errors.push_back(EAGAIN);
  return errors;
}

bool waits_for_ever(const TracedCall& call) {
  const auto& a = call.arguments;
  switch (call.number) {
    case SYS_restart_syscall:  // it waited before it was interrupted
      return true;
    case SYS_futex:
      return (static_cast<int>(a[1]) & FUTEX_CMD_MASK) != FUTEX_WAKE && a[3] == 0;
    case SYS_epoll_pwait:
      return static_cast<int>(a[3]) == -1;
    case SYS_ppoll:
      return a[2] == 0;
#if defined(__x86_64__)
    case SYS_epoll_wait:
      return static_cast<int>(a[3]) == -1;
    case SYS_poll:
      return static_cast<int>(a[2]) == -1;
#endif
    default:
      return false;
  }
}

bool reads_wall_clock(const TracedCall& call) {
  const auto clock = static_cast<clockid_t>(call.arguments[0]);
  return call.number == SYS_clock_gettime && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE);
}

bool waits_by_wall_clock(const TracedCall& call) {
  const auto& a = call.arguments;
  const bool by_wall = static_cast<clockid_t>(a[0]) == CLOCK_REALTIME;
  if (call.number == SYS_futex) return (a[1] & FUTEX_CLOCK_REALTIME) != 0 && a[3] != 0;
  if (call.number == SYS_clock_nanosleep) return by_wall && (a[1] & TIMER_ABSTIME) != 0;
  return call.number == SYS_timerfd_create && by_wall;
}

}  // namespace holdfast::faults
