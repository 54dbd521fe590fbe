// Rung pidns: the server lives in a PID namespace under an init, which is a fork of its keeper. The keeper
// stays outside and drives the ladder over all of the tree as ever; init mounts /proc, starts the server,
// reaps, passes signals on, and ends when nobody is left, or by the kernel's hand when its keeper dies. With
// it goes whoever is in the namespace: no guard needs to live for that. No heap, one thread.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/pidfd.h"

namespace holdfast::custody {

// The init as its keeper has it; empty on the other rungs.
class Init {
 public:
  Init() = default;
  Init(os::PidFd process, UniqueFd words) : process_(std::move(process)), words_(std::move(words)) {}

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  explicit operator bool() const { return static_cast<bool>(process_); }
  // To the server's process group, through init: the server is init's child, and its number not ours to keep.
  void pass_on(int signal) const { (void)process_.signal(signal); }
  // Readable when it has something to say, or is dead.
  [[nodiscard]] int words() const { return words_.get(); }
  // How the server ended, which only init can ask the kernel; nullopt: it has not said yet. If nobody else
  // was left, waits a moment for init's own exit.
  [[nodiscard]] std::optional<os::Waited> leader_end(pid_t leader) const;

 private:
  os::PidFd process_;
  UniqueFd words_;
};

}  // namespace holdfast::custody
