#include "os/tracer.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::os {
namespace {

constexpr unsigned long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

Error trouble(std::string_view what, pid_t thread) { return sys_error(what, std::to_string(thread)).error(); }

#if defined(__x86_64__)
using Registers = user_regs_struct;
std::uint64_t stack_of(const Registers& registers) { return registers.rsp; }
#elif defined(__aarch64__)
using Registers = user_regs_struct;
std::uint64_t stack_of(const Registers& registers) { return registers.sp; }
#else
#error "the tracer knows x86-64 and aarch64"
#endif

Result<Registers> registers_of(pid_t thread) {
  Registers registers{};
  iovec area{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &area) != 0)
    return std::unexpected(trouble("PTRACE_GETREGSET", thread));
  return registers;
}

Result<void> set_registers(pid_t thread, Registers registers) {
  iovec area{&registers, sizeof registers};
  if (::ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &area) != 0)
    return std::unexpected(trouble("PTRACE_SETREGSET", thread));
  return {};
}

TraceStop at_call(TraceStop stop) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, stop.thread, sizeof info, &info) < 0) return stop;
  stop.news = info.op == PTRACE_SYSCALL_INFO_ENTRY ? TraceStop::News::call : TraceStop::News::result;
  if (stop.news != TraceStop::News::call) return stop;
  stop.call.number = static_cast<long>(info.entry.nr);
  std::ranges::copy(info.entry.args, stop.call.arguments.begin());
  return stop;
}

TraceStop at_event(TraceStop stop, int event) {
  if (event == PTRACE_EVENT_EXEC) {
    stop.news = TraceStop::News::executed;
  } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
    unsigned long child = 0;
    (void)::ptrace(PTRACE_GETEVENTMSG, stop.thread, nullptr, &child);
    stop.news = TraceStop::News::born;
    stop.child = static_cast<pid_t>(child);
    stop.process = event != PTRACE_EVENT_CLONE;
  }
  return stop;
}

bool stops(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

}  // namespace

Result<void> trace(pid_t pid) {
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, kOptions) != 0)
    return std::unexpected(trouble("PTRACE_SEIZE", pid));
  return {};
}

void interrupt(pid_t thread) { (void)::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr); }

std::optional<TraceStop> next_trace_stop() {
  int status = 0;
  const pid_t thread = ::waitpid(-1, &status, WNOHANG | __WALL);
  if (thread <= 0) return std::nullopt;
  TraceStop stop;
  stop.thread = thread;
  if (!WIFSTOPPED(status)) {
    stop.news = TraceStop::News::ended;
    return stop;
  }
  const int signal = WSTOPSIG(status), event = status >> 16;
  if (signal == (SIGTRAP | 0x80)) return at_call(stop);
  if (event == PTRACE_EVENT_STOP) {
    if (stops(signal)) stop.news = TraceStop::News::stopped;
    return stop;
  }
  if (event != 0) return at_event(stop, event);
  stop.news = TraceStop::News::signal;
  stop.signal = signal;
  return stop;
}

// A thread that was killed meanwhile is gone, and that comes as news of its own: no error here.
void go_on(const TraceStop& stop, bool calls) {
  if (stop.news == TraceStop::News::stopped) {
    (void)::ptrace(PTRACE_LISTEN, stop.thread, nullptr, nullptr);
  } else if (stop.news != TraceStop::News::ended) {
    (void)::ptrace(calls ? PTRACE_SYSCALL : PTRACE_CONT, stop.thread, nullptr, stop.signal);
  }
}

void detach(const TraceStop& stop) { (void)::ptrace(PTRACE_DETACH, stop.thread, nullptr, nullptr); }

Result<void> refuse_call(pid_t thread, int error) {
  auto registers = registers_of(thread);
  if (!registers) return std::unexpected(registers.error());
#if defined(__x86_64__)
  registers->orig_rax = static_cast<unsigned long long>(-1);
  registers->rax = static_cast<unsigned long long>(-error);
#else
  int none = -1;
  iovec area{&none, sizeof none};
  if (::ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &area) != 0)
    return std::unexpected(trouble("PTRACE_SETREGSET", thread));
  registers->regs[0] = static_cast<unsigned long long>(-error);
#endif
  return set_registers(thread, *registers);
}

Result<void> hide_vdso(pid_t thread) {
  const auto registers = registers_of(thread);
  if (!registers) return std::unexpected(registers.error());
  std::uint64_t at = stack_of(*registers), word = 0;
  const auto next = [&]() -> Result<void> {
    auto done = read_traced(thread, at, std::as_writable_bytes(std::span(&word, 1)));
    at += sizeof word;
    return done;
  };
  if (auto count = next(); !count) return count;
  at += (word + 1) * sizeof word;  // argv and its null
  do {
    if (auto variable = next(); !variable) return variable;
  } while (word != 0);
  for (;;) {  // the auxiliary vector: pairs of type and value
    if (auto type = next(); !type) return type;
    if (word == AT_NULL) return {};
    if (word == AT_SYSINFO_EHDR) {
      word = AT_IGNORE;
      return write_traced(thread, at - sizeof word, std::as_bytes(std::span(&word, 1)));
    }
    at += sizeof word;
  }
}

Result<void> read_traced(pid_t thread, std::uint64_t address, std::span<std::byte> into) {
  const iovec here{into.data(), into.size()}, there{reinterpret_cast<void*>(address), into.size()};
  if (::process_vm_readv(thread, &here, 1, &there, 1, 0) != static_cast<ssize_t>(into.size()))
    return std::unexpected(trouble("process_vm_readv", thread));
  return {};
}

Result<void> write_traced(pid_t thread, std::uint64_t address, std::span<const std::byte> from) {
  const iovec here{const_cast<std::byte*>(from.data()), from.size()},
      there{reinterpret_cast<void*>(address), from.size()};
  if (::process_vm_writev(thread, &here, 1, &there, 1, 0) != static_cast<ssize_t>(from.size()))
    return std::unexpected(trouble("process_vm_writev", thread));
  return {};
}

std::string read_traced_text(pid_t thread, std::uint64_t address) {
  constexpr std::size_t kLongest = 4096,
                        kPiece = 64;  // a piece never crosses into a page that may not be there
  std::string text;
  while (address != 0 && text.size() < kLongest) {
    std::array<char, kPiece> piece{};
    const std::size_t size = kPiece - address % kPiece;
    if (!read_traced(thread, address, std::as_writable_bytes(std::span(piece.data(), size)))) return {};
    const std::string_view read(piece.data(), size);
    text += read.substr(0, read.find('\0'));
    if (read.contains('\0')) return text;
    address += size;
  }
  return text;
}

}  // namespace holdfast::os
