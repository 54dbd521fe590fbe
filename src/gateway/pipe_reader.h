// Reads a descriptor that custody lends, for as long as it is lent.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "base/task_group.h"

namespace holdfast::gateway {

class PipeReader {
 public:
  // Everything that comes is given to `sink`, in order; never after stop(). `fd` is non-blocking; -1: nothing
  // ever comes.
  PipeReader(const asio::any_io_executor& executor, int fd, std::function<void(std::string_view)> sink);
  ~PipeReader() { stop(); }
  PipeReader(const PipeReader&) = delete;
  PipeReader& operator=(const PipeReader&) = delete;

  // To be spawned once; ends at end-of-file or by stop(). Deaf to cancellation: stop() is what ends it.
  asio::awaitable<void> run();

  // Until end-of-file or stop(), when all that was said has been given; or the deadline.
  asio::awaitable<void> wait_end(std::chrono::steady_clock::time_point deadline);

  // Takes what is in the pipe now and lets go of the descriptor at once: its owner closes it next.
  void stop();

 private:
  struct Pipe;
  std::shared_ptr<Pipe> pipe_;
};

}  // namespace holdfast::gateway
