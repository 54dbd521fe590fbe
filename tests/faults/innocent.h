// Somebody who has nothing to do with any of it, and sits on a number that others had. With a child, who has
// nothing to do with it either. No signal may reach them: what does not end them stays pending, and shows.
#pragma once

#include <cstdint>
#include <string>

#include "os/pidfd.h"

namespace holdfast::faults {

class Innocent {
 public:
  // For the init of a world of its own, which has one thread. EEXIST: the number is not free.
  static Result<Innocent> on(pid_t number, const char* name);
  Innocent(Innocent&&) = default;
  Innocent& operator=(Innocent&&) = delete;
  ~Innocent();  // ends and reaps them

  // What befell them; empty: nothing.
  [[nodiscard]] std::string harm() const;
  [[nodiscard]] bool includes(pid_t pid) const { return pid == self_.pid() || pid == child_.pid(); }
  [[nodiscard]] pid_t pid() const { return self_.pid(); }
  [[nodiscard]] std::uint64_t start_ticks() const { return start_ticks_; }

 private:
  Innocent(os::PidFd self, os::PidFd child, std::uint64_t ticks)
      : self_(std::move(self)), child_(std::move(child)), start_ticks_(ticks) {}
  os::PidFd self_, child_;
  std::uint64_t start_ticks_;
};

}  // namespace holdfast::faults
