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
};

// One writer. Not thread-safe. Writes are small and buffered by the kernel, so it may be used on the loop.
class LogFile {
 public:
  // Appends to what is there. Errors: the file cannot be opened.
  static Result<LogFile> open(const std::filesystem::path& path, LogLimits limits);

  // Never fails: what cannot be written (disk full) is dropped and counted, and later writes are tried again.
  void append(std::string_view text);

  [[nodiscard]] std::int64_t dropped_bytes() const { return dropped_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  LogFile(std::filesystem::path path, LogLimits limits) : path_(std::move(path)), limits_(limits) {}
  Result<void> reopen();
  void rotate();

  std::filesystem::path path_;
  LogLimits limits_;
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t size_ = 0, dropped_ = 0;
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
