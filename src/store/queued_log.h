// A log whose writer never waits for the disk: a thread writes what is said, in its order.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "store/log_file.h"

namespace holdfast {
class Worker;
}

namespace holdfast::store {

class QueuedLog {
 public:
  // The file is opened by `disk`, whose other jobs this log waits behind.
  QueuedLog(std::shared_ptr<Worker> disk, const std::filesystem::path& path, LogLimits limits);

  // As much waits as one generation of the log holds. What comes beyond that is dropped, and so is all that
  // follows it until the disk has taken what waits; the log then says how many bytes are missing, and where.
  void append(std::string_view text);

  // Until what was appended before has been written or dropped. Errors: those of Worker::try_run.
  boost::asio::awaitable<Result<void>> flush(std::chrono::milliseconds patience);

  // By the queue and by the disk, as far as it has come.
  [[nodiscard]] std::int64_t dropped_bytes() const;

 private:
  struct Shared;
  std::shared_ptr<Worker> disk_;
  std::shared_ptr<Shared> shared_;  // with the disk's thread, which may come to it when this is gone
};

}  // namespace holdfast::store
