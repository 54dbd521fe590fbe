// Notices that the state directory went away, or was replaced, under the gateway that holds it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/worker.h"
#include "daemon/state_lock.h"

namespace holdfast::daemon {

// It only says so, in the log and to whoever asks: what the gateway holds is held by its keepers.
class StateWatch {
 public:
  StateWatch(LockedFile file, std::shared_ptr<Worker> worker, milliseconds pace = milliseconds(10'000))
      : file_(std::move(file)), worker_(std::move(worker)), pace_(pace) {}

  // Looks every `pace`, until cancelled. Loop thread only; outlives the coroutine.
  asio::awaitable<void> run();
  // In a sentence, with what follows from it; empty: all is well, as far as could be seen.
  [[nodiscard]] const std::string& warning() const { return warning_; }

 private:
  void note(bool there);

  LockedFile file_;
  std::shared_ptr<Worker> worker_;  // a file system may not answer
  milliseconds pace_;
  std::string warning_;
};

}  // namespace holdfast::daemon
