// Our own supply of descriptors: its limit, what is kept back for killing, and the news that it ran out.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

// RLIMIT_NOFILE (getrlimit(2)).
struct DescriptorLimit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
Result<DescriptorLimit> descriptor_limit();
// The soft limit becomes the hard one. What it was before, for the children: many programs choose by it how
// they look for open descriptors.
Result<DescriptorLimit> raise_descriptor_limit();

// Whether `count` more could be opened just now. Errors: EMFILE, ENFILE, or what else open(2) says.
Result<void> can_open(int count);

// How often this thread was refused a descriptor so far (EMFILE, ENFILE, ENOMEM). Who looked at processes
// while it grew has not seen everything. No heap.
std::uint64_t descriptor_shortages();
void note_shortage(int number);  // an errno of a call that gives a descriptor

// Some descriptors kept open, to be closed where others are needed that must not fail. Not thread-safe.
class DescriptorReserve {
 public:
  DescriptorReserve() { refill(); }
  void refill();   // as far as there are any
  void release();  // another thread may take them first: the caller repeats what failed

  // Released for a scope.
  class Lent {
   public:
    explicit Lent(DescriptorReserve& reserve) : reserve_(reserve) { reserve_.release(); }
    ~Lent() { reserve_.refill(); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

   private:
    DescriptorReserve& reserve_;
  };

 private:
  std::array<UniqueFd, 8> kept_;  // a directory, two files and a few pidfds
};

}  // namespace holdfast::os
