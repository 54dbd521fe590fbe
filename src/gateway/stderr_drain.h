// A server's stderr: read always, so that a full pipe never wedges the server (L23); kept in a bounded ring
// and in a rotated file per server.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/task_group.h"
#include "store/log_file.h"

namespace holdfast::gateway {

// Shared by all instances of one server: they write into one file, each line as it came.
class StderrDrain {
 public:
  explicit StderrDrain(store::LogFile file) : file_(std::move(file)) {}

  void append(std::string_view text) { file_.append(text); }

 private:
  store::LogFile file_;
};

// The last bytes one instance said, for error messages.
class Tail {
 public:
  void append(std::string_view text);
  // The last non-empty lines, at most `limit` bytes, on one line (" | " between).
  [[nodiscard]] std::string last_words(std::size_t limit) const;

 private:
  static constexpr std::size_t kBytes = 2048;
  std::string text_;
};

// Reads a lent descriptor until end-of-file or stop(), whichever comes first.
class StderrReader {
 public:
  StderrReader(const asio::any_io_executor& executor, int fd);
  ~StderrReader() { stop(); }
  StderrReader(const StderrReader&) = delete;
  StderrReader& operator=(const StderrReader&) = delete;

  // To be spawned once.
  asio::awaitable<void> run(std::shared_ptr<StderrDrain> file, std::shared_ptr<Tail> tail);
  // Lets go of the descriptor at once (its owner closes it next, and the number may be used again at once).
  void stop();

 private:
  std::shared_ptr<asio::posix::stream_descriptor> stream_;
};

}  // namespace holdfast::gateway
