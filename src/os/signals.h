// What this process does about signals. No heap.
//
// Which signals a process ignores, its programs inherit (execve(2)), and a server must not. Asking the kernel
// costs a call for each, so it is asked once, and remembered from then on: ignore one by ignore_signal()
// only.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

constexpr int kLastSignal = 64;  // signal(7): of all architectures that we know
constexpr std::uint64_t signal_bit(int number) { return std::uint64_t{1} << (number - 1); }

// rt_sigaction(2)'s own, for who cannot go through the C library.
struct KernelSigaction {
  long handler, flags, restorer;
  std::uint64_t mask;
};

// The bits of those that are ignored, whether that was inherited or done here.
std::uint64_t ignored_signals();
void ignore_signal(int number);

// What was ignored gets its default action: an inherited SIGCHLD=SIG_IGN eats statuses. For a program that
// has set no handlers. reset_signals(): and an empty mask.
void default_signals();
Result<void> reset_signals();
// Holds back for good, in this thread, every signal that can be, but those that tell of a fault of ours.
void block_signals();

// Blocks the named signals in this thread and gives a signalfd for them (CLOEXEC, non-blocking).
Result<UniqueFd> signal_fd(std::span<const int> signals);
Result<int> read_signal(int fd);  // 0: none pending

}  // namespace holdfast::os
