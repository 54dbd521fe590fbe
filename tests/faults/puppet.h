// A scripted gateway (scripted_gateway.cc) in this world, told what to do line by line.
#pragma once

#include <csignal>
#include <string>

#include "base/unique_fd.h"
#include "os/pidfd.h"

namespace holdfast::faults {

class Puppet {
 public:
  // What it says on stderr goes to the end of `log`.
  Puppet(const std::string& state, const std::string& rung, const std::string& log);
  ~Puppet();  // killed, if it lives
  Puppet(const Puppet&) = delete;
  Puppet& operator=(const Puppet&) = delete;

  void say(const std::string& command);
  // The next line of its answers; empty: it died, or said nothing for 10 s.
  std::string answer();
  std::string tell(const std::string& command) { return say(command), answer(); }

  void kill() { (void)process_.signal(SIGKILL); }
  [[nodiscard]] bool lives() const { return process_ && !process_.exited(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  os::PidFd process_;
  UniqueFd input_, output_;
  std::string text_;
};

}  // namespace holdfast::faults
