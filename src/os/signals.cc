#include "os/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace holdfast::os {
namespace {

// SIGKILL cannot be ignored: its bit says that the kernel was asked.
constexpr std::uint64_t kAsked = signal_bit(SIGKILL);
std::atomic<std::uint64_t> known{0};

// By the call itself: the C library hides two signals of its own, which may have been inherited as well.
bool ask_ignored(int number) {
  KernelSigaction now{};
  return ::syscall(SYS_rt_sigaction, number, nullptr, &now, sizeof now.mask) == 0 &&
         now.handler == reinterpret_cast<long>(SIG_IGN);
}

void set_default(int number) {
  const KernelSigaction action{};
  (void)::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
}

Result<void> set_mask(int how, const sigset_t& set) {
  if (const int error = ::pthread_sigmask(how, &set, nullptr); error != 0)
    return sys_error("pthread_sigmask", {}, error);
  return {};
}

}  // namespace

std::uint64_t ignored_signals() {
  std::uint64_t mask = known.load();
  if ((mask & kAsked) == 0) {
    mask = kAsked;
    for (int number = 1; number <= kLastSignal; ++number) {
      if (ask_ignored(number)) mask |= signal_bit(number);
    }
    mask |= known.fetch_or(mask);
  }
  return mask & ~kAsked;
}

void ignore_signal(int number) {
  (void)::signal(number, SIG_IGN);
  known.fetch_or(signal_bit(number));
}

void default_signals() {
  const std::uint64_t ignored = ignored_signals();
  for (int number = 1; number <= kLastSignal; ++number) {
    if ((ignored & signal_bit(number)) != 0) set_default(number);
  }
  known.store(kAsked);
}

Result<void> reset_signals() {
  default_signals();
  sigset_t none;
  sigemptyset(&none);
  return set_mask(SIG_SETMASK, none);
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&all, number);
  (void)set_mask(SIG_BLOCK, all);
}

Result<UniqueFd> signal_fd(std::span<const int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  if (auto done = set_mask(SIG_BLOCK, set); !done) return forward(done);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return sys_error("signalfd");
  return fd;
}

Result<int> read_signal(int fd) {
  signalfd_siginfo info{};
  for (;;) {
    const ssize_t n = ::read(fd, &info, sizeof info);
    if (n == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return sys_error("read", "signalfd");
    return 0;
  }
}

}  // namespace holdfast::os
