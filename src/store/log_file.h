// A log on disk that can never grow without bound nor stop its writer.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::store {

struct LogLimits {
  std::int64_t max_bytes = std::int64_t{1} << 20;  // of one generation
  int generations = 3;  // the current file and its elders: x.log, x.log.1, x.log.2; at least 1
  bool json = false;    // lines are JSON, and so is the one that says what is missing
};

// One writer; the file is its owner's alone (0600). Not thread-safe. A write may wait for the disk: on the
// loop, store/queued_log.h is for that.
class LogFile {
 public:
  // To be opened by the first append(), which goes on after what is there.
  LogFile(std::filesystem::path path, LogLimits limits);

  // Never fails: what cannot be opened or written (disk full) is dropped and counted, and later writes are
  // tried again. The first that succeeds says how many bytes are missing.
  void append(std::string_view text);
  // As if that many bytes had been appended here and dropped.
  void lost(std::int64_t bytes);

  [[nodiscard]] std::int64_t dropped_bytes() const { return dropped_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  bool reopen();
  [[nodiscard]] std::string gap() const;   // what is missing here, in words
  std::size_t put(std::string_view text);  // how many bytes of it were dropped
  void rotate();

  std::filesystem::path path_;
  LogLimits limits_;
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t size_ = 0, dropped_ = 0;
  std::int64_t unsaid_ = 0;  // of those dropped
};

struct LogChunk {
  std::string text;
  std::int64_t next = 0;  // the offset that goes on where `text` ended
};
// At most `max` bytes of the newest generation from byte `offset`; a negative offset counts from the end, and
// one beyond the end reads from the start, since the file was rotated meanwhile. No text at the end of the
// file. Errors: the file cannot be read.
Result<LogChunk> read_log(const std::filesystem::path& path, std::int64_t offset, std::size_t max);

}  // namespace holdfast::store
