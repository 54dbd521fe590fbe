// ptrace(2), for tests only: sees every system call of a program and of what it starts, and may act between
// any two of them. A library of its own (holdfast::tracer): nothing of it is in the product.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace holdfast::os {

// What a thread is about to ask of the kernel.
struct TracedCall {
  long number = -1;
  std::array<std::uint64_t, 6> arguments{};
};

// Why a thread stands still, or that it is gone. All but `ended` wait for go_on(), detach() or SIGKILL.
struct TraceStop {
  enum class News {
    call,      // before a system call
    result,    // after it
    born,      // it made `child`, which is traced as well
    executed,  // it has become another program
    signal,    // `signal` is about to reach it
    stopped,   // it obeys a stop signal
    other,     // the first stop of a newborn, the end of a stop
    ended,     // this thread, or a child that was never traced; reaped
  };
  News news = News::other;
  pid_t thread = 0;
  TracedCall call;      // call
  pid_t child = 0;      // born
  bool process = true;  // born: false: a thread
  int signal = 0;       // signal, stopped
};

// Attaches to a process of one thread and to whatever that starts. When the tracer ends, so do they.
Result<void> trace(pid_t pid);
// Makes a thread stand still wherever it is, for a moment (`other`): a call that it waits in begins anew.
void interrupt(pid_t thread);

// The next stop or end, if there is one now. Also reaps the caller's own children, traced or not.
std::optional<TraceStop> next_trace_stop();

// On to the next system call, or without calls to the next of all other stops. A signal is delivered; a
// stopped thread stays so until it is continued.
void go_on(const TraceStop& stop, bool calls);
void detach(const TraceStop& stop);

// At a `call`: it is not done, and fails with `error`.
Result<void> refuse_call(pid_t thread, int error);

// Where it is `executed`: no vDSO, so that reading a clock is a call that can be seen.
Result<void> hide_vdso(pid_t thread);

Result<void> read_traced(pid_t thread, std::uint64_t address, std::span<std::byte> into);
Result<void> write_traced(pid_t thread, std::uint64_t address, std::span<const std::byte> from);
// Up to its zero, 4096 bytes at most; empty if it cannot be read.
std::string read_traced_text(pid_t thread, std::uint64_t address);

}  // namespace holdfast::os
