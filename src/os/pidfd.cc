#include "os/pidfd.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/descriptors.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

FixedString<224> pid_text(pid_t pid) {
  FixedString<224> text;
  text.append_number(pid);
  return text;
}

}  // namespace

Result<PidFd> PidFd::open(pid_t pid) {
  // 0 and -1 address groups or everybody, 1 is init: none of them is ever ours. In a container we
  // may be 1 ourselves, and then are watched; signal() refuses it all the same.
  if (pid < 1 || (pid == 1 && ::getpid() != 1))
    return fail(Errc::invalid, "pidfd_open", pid_text(pid).view());
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) {
    note_shortage(errno);
    return sys_error("pidfd_open", pid_text(pid).view());
  }
  return PidFd(std::move(fd), pid);
}

Result<PidFd> PidFd::adopt(UniqueFd fd) {
  FixedString<64> path("/proc/self/fdinfo/");
  path.append_number(fd.get());
  char buffer[512];
  auto text = read_small(-1, path.c_str(), buffer);
  if (!text) return forward(text);
  const auto at = text->find("\nPid:");
  if (at == std::string_view::npos) return fail(Errc::invalid, "fdinfo", path.view());
  text->remove_prefix(at + 5);
  const auto pid = take_number(*text);
  // -1: it is gone; 0: it lives in another PID namespace.
  if (!pid || *pid < 1) return sys_error("fdinfo", path.view(), ESRCH);
  return PidFd(std::move(fd), static_cast<pid_t>(*pid));
}

Result<bool> PidFd::signal(int number) const {
  if (pid_ <= 1) return fail(Errc::invalid, "pidfd_send_signal", pid_text(pid_).view());
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  return sys_error("pidfd_send_signal", pid_text(pid_).view());
}

Result<bool> PidFd::signal_group(int number) const {
  if (pid_ <= 1) return fail(Errc::invalid, "kill", pid_text(pid_).view());
  constexpr unsigned kProcessGroup = 4;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, kProcessGroup) == 0) return true;
  if (errno == EINVAL && ::kill(-pid_, number) == 0) return true;
  if (errno == ESRCH) return false;
  return sys_error("kill", pid_text(pid_).view());
}

bool PidFd::exited() const {
  pollfd set{fd_.get(), POLLIN, 0};
  while (::poll(&set, 1, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return (set.revents & POLLIN) != 0;
}

Result<Waited> wait_child(pid_t pid) {
  if (pid != -1 && pid <= 1) return fail(Errc::invalid, "waitid", pid_text(pid).view());
  siginfo_t info{};
  constexpr int kFlags = WEXITED | WNOHANG | __WALL;
  // The raw call: __WALL is not among the flags that glibc's headers promise for waitid.
  while (::syscall(SYS_waitid, pid == -1 ? P_ALL : P_PID, pid == -1 ? 0 : pid, &info, kFlags, nullptr) != 0) {
    if (errno != EINTR) return sys_error("waitid", pid_text(pid).view());
  }
  Waited waited;
  waited.pid = info.si_pid;
  if (info.si_pid == 0) return waited;
  if (info.si_code == CLD_EXITED) {
    waited.code = info.si_status;
  } else {
    waited.signal = info.si_status & 0x7f;
  }
  return waited;
}

Result<pid_t> stopped_child() {
  siginfo_t info{};
  while (::syscall(SYS_waitid, P_ALL, 0, &info, WSTOPPED | WNOHANG | __WALL, nullptr) != 0) {
    if (errno == ECHILD) return 0;
    if (errno != EINTR) return sys_error("waitid");
  }
  return info.si_pid;
}

bool has_child() {
  siginfo_t info{};
  while (::syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, nullptr) != 0) {
    if (errno != EINTR) return errno != ECHILD;
  }
  return true;
}

}  // namespace holdfast::os
