// The server that is measured, in custody and without.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/unique_fd.h"
#include "custody/types.h"
#include "guards.h"

namespace holdfast::bench {

// bench/blocker.c in custody; ladder 100 ms + 100 ms. `how` is empty, "stays" or "deaf".
custody::TreeSpec blocker(const std::string& how = {});

// Until a server's first byte is there.
void wait_for_byte(int fd);

// The same server (or another command, by its words) by posix_spawn, with a pipe to its stdin and one from
// its stdout.
class BareServer {
 public:
  explicit BareServer(const Words& command = {HOLDFAST_BENCH_BLOCKER});
  ~BareServer() { end(); }
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;
  void end();  // closes its stdin and waits for its exit

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int stdout_fd() const { return out_.get(); }

 private:
  pid_t pid_ = 0;
  UniqueFd in_, out_;
};

}  // namespace holdfast::bench
