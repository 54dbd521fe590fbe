#include "os/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "base/mutant.h"
#include "os/signals.h"

namespace holdfast::os {
namespace {

constexpr std::size_t kMaxDescriptors = 16;
constexpr std::size_t kStackSize = 16 * 1024;

constexpr std::array<std::string_view, 10> kStepNames{"clone3",   "setsid",      "prctl",  "cgroup.procs",
                                                      "dup3",     "close_range", "execve", "pid namespace",
                                                      "user map", "mount /proc"};
using Step = SpawnStep;

// What parent and child share: the child runs in the parent's memory while the parent sleeps in clone3.
struct Birth {
  const SpawnOptions* options;
  const int* fds;  // not the span itself: its members would be instrumented in a sanitizer's build
  long count;
  bool by_procs;
  std::uint64_t ignored;  // signals
  const struct rlimit* data;
  volatile int alive;  // the child's first act
  volatile int error;
  volatile Step step;
};

// The child runs on a borrowed stack and shares the caller's thread-local storage, errno included: nothing in
// it may be instrumented, intercepted or a library call.
#define HOLDFAST_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), no_stack_protector))

HOLDFAST_CHILD inline long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 asm("r10") = d;
  asm volatile("syscall"
               : "=a"(result)
               : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#else
#error "spawn knows x86-64 and aarch64"
#endif
}

// The pid or -errno. The child enters `entry(birth)` on the stack of `arguments` and never comes back here.
HOLDFAST_CHILD long clone_into(clone_args* arguments, void (*entry)(Birth*), Birth* birth) {
#if defined(__x86_64__)
  long result;
  register void (*r8)(Birth*) asm("r8") = entry;
  register Birth* r9 asm("r9") = birth;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r9, %%rdi\n\t"
      "call *%%r8\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "0"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(r8), "r"(r9)
      : "rcx", "r11", "memory", "cc");
  return result;
#else
  register long x8 asm("x8") = SYS_clone3;
  register long x0 asm("x0") = reinterpret_cast<long>(arguments);
  register long x1 asm("x1") = sizeof *arguments;
  register void (*x9)(Birth*) asm("x9") = entry;
  register Birth* x10 asm("x10") = birth;
  asm volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x10\n\t"
      "blr x9\n\t"
      "brk 1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x9), "r"(x10)
      : "memory", "cc");
  return x0;
#endif
}

HOLDFAST_CHILD inline long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

[[noreturn]] HOLDFAST_CHILD void give_up(Birth* birth, Step step, long result) {
  birth->step = step;
  birth->error = static_cast<int>(-result);
  for (;;) raw(SYS_exit_group, 127);
}

HOLDFAST_CHILD void join_leaf(Birth* birth, int leaf) {
  const long file = raw(SYS_openat, leaf, address("cgroup.procs"), O_WRONLY | O_CLOEXEC);
  if (file < 0) give_up(birth, Step::cgroup_procs, file);
  if (const long n = raw(SYS_write, file, address("0"), 1); n < 0) give_up(birth, Step::cgroup_procs, n);
}

// fds[i] becomes i and nothing else stays open. Sources that lie among the targets are moved out of the way
// first, so that no dup3 overwrites a source that is still needed. 0, or -errno with the step.
HOLDFAST_CHILD long place(const int* fds, long count, volatile Step* step) {
  int sources[kMaxDescriptors];
  *step = Step::dup3;
  for (long i = 0; i < count; ++i) {
    sources[i] = fds[i];
    if (fds[i] < 0 || fds[i] >= count) continue;
    const long moved = raw(SYS_fcntl, fds[i], F_DUPFD_CLOEXEC, count);
    if (moved < 0) return moved;
    sources[i] = static_cast<int>(moved);
  }
  for (long i = 0; i < count; ++i) {
    if (sources[i] < 0) {
      raw(SYS_close, i);
    } else if (const long n = raw(SYS_dup3, sources[i], i, 0); n < 0) {
      return n;
    }
  }
  *step = Step::close_range;
  return raw(SYS_close_range, count, static_cast<long>(~0U), 0);
}

// CLONE_CLEAR_SIGHAND leaves ignored signals ignored, and exec keeps them so.
HOLDFAST_CHILD void default_signals(std::uint64_t ignored) {
  KernelSigaction action;
  action.handler = action.flags = action.restorer = 0;
  action.mask = 0;
  for (long number = 1; ignored != 0; ++number, ignored >>= 1) {
    if ((ignored & 1) != 0) raw(SYS_rt_sigaction, number, address(&action), 0, sizeof action.mask);
  }
  raw(SYS_rt_sigprocmask, SIG_SETMASK, address(&action.mask), 0, sizeof action.mask);
}

HOLDFAST_CHILD void child(Birth* birth) {
  birth->alive = 1;
  const SpawnOptions& options = *birth->options;
  if (birth->by_procs) join_leaf(birth, options.leaf_fd);
  if (options.new_session) {
    if (const long n = raw(SYS_setsid); n < 0) give_up(birth, Step::setsid, n);
  }
  if (options.parent_death_signal != 0) {
    if (const long n = raw(SYS_prctl, PR_SET_PDEATHSIG, options.parent_death_signal); n < 0)
      give_up(birth, Step::prctl, n);
  }
  if (const long n = place(birth->fds, birth->count, &birth->step); n < 0) give_up(birth, birth->step, n);
  default_signals(birth->ignored);
  // Last, since the descriptors above may be numbered beyond it. Lowering one's own limit is never
  // refused; where it were a raise, the lower one that we have holds.
  if (options.descriptors != nullptr) raw(SYS_prlimit64, 0, RLIMIT_NOFILE, address(options.descriptors), 0);
  if (options.data != 0) raw(SYS_prlimit64, 0, RLIMIT_DATA, address(birth->data), 0);
  give_up(birth, Step::execve,
          raw(SYS_execve, address(options.path), address(options.argv), address(options.envp)));
}

// One birth: the pidfd, or -errno of clone3. The child ran on this frame's array, which is safe because
// CLONE_VFORK holds this thread until the child has exec'ed or exited.
HOLDFAST_CHILD __attribute__((noinline)) long give_birth(Birth* birth, bool into, int* pidfd) {
  alignas(16) char stack[kStackSize];
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
  arguments.stack_size = sizeof stack;
  if (into) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(birth->options->leaf_fd);
  }
  return clone_into(&arguments, child, birth);
}

// None for this thread while it waits in its vfork: the kernel would choose it, as the parent, for the news
// that the child was stopped, and nobody could hear them who would continue it.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    if (kSwitchedOff == Mechanism::quiet_vfork) sigemptyset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
};

// The child is dead already or about to be: it left its report before exit. ECHILD: another wait took it.
void reap(int pidfd) {
  siginfo_t info{};
  while (::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | __WALL, nullptr) != 0 && errno == EINTR) {
  }
}

}  // namespace

std::string_view to_string(SpawnStep step) {
  const auto at = static_cast<std::size_t>(step);
  return at < kStepNames.size() ? kStepNames[at] : "unknown";
}

SpawnStep spawn_step(const Error& error) {
  for (std::size_t i = 0; i < kStepNames.size(); ++i) {
    if (kStepNames[i] == error.op) return static_cast<SpawnStep>(i);
  }
  return SpawnStep::clone3;
}

Result<PidFd> spawn(const SpawnOptions& options, bool* poisoned) {
  if (poisoned != nullptr) *poisoned = false;
  if (options.fds.size() > kMaxDescriptors) return fail(Errc::limit, "clone3", "too many descriptors");
  bool by_procs = options.leaf_fd >= 0 && options.leaf_by_procs;
  const struct rlimit data{.rlim_cur = options.data, .rlim_max = options.data};
  for (;;) {
    const bool into = options.leaf_fd >= 0 && !by_procs;
    Birth birth{.options = &options,
                .fds = options.fds.data(),
                .count = static_cast<long>(options.fds.size()),
                .by_procs = by_procs,
                .ignored = ignored_signals(),
                .data = &data,
                .alive = 0,
                .error = 0,
                .step = Step::clone3};
    int fd = -1;
    const long pid = [&] {
      const NoSignals quiet;
      return give_birth(&birth, into, &fd);
    }();
    if (pid < 0) return sys_error("clone3", options.path, static_cast<int>(-pid));
    PidFd born(UniqueFd(fd), static_cast<pid_t>(pid));
    if (birth.alive != 0 && birth.error == 0) return born;
    reap(born.get());
    if (birth.error != 0) return sys_error(to_string(birth.step), options.path, birth.error);
    // Dead before its first act: the leaf's kill counter differs from ours, and the kernel killed the
    // newborn.
    if (!into) return sys_error("clone3", "killed at birth", EAGAIN);
    by_procs = true;
    if (poisoned != nullptr) *poisoned = true;
  }
}

Result<void> place_descriptors(std::span<const int> fds) {
  if (fds.size() > kMaxDescriptors) return fail(Errc::limit, "dup3", "too many descriptors");
  volatile Step step = Step::dup3;
  const long done = place(fds.data(), static_cast<long>(fds.size()), &step);
  if (done < 0) return sys_error(to_string(step), {}, static_cast<int>(-done));
  return {};
}

Result<PidFd> fork_process(std::uint64_t flags) {
  int fd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | flags;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&fd);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return sys_error("clone3");
  return pid == 0 ? PidFd() : PidFd(UniqueFd(fd), static_cast<pid_t>(pid));
}

}  // namespace holdfast::os
