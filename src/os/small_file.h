// Reading the kernel's small text files and directories without heap. Used inside os only.
#pragma once

#include <sys/types.h>

#include <span>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/proc_text.h"

namespace holdfast::os {

// openat(2) with O_CLOEXEC, repeated on EINTR.
Result<UniqueFd> open_at(int dir, const char* path, int flags);
// The beginning of a file, as much as `buffer` takes.
Result<std::string_view> read_small(int dir, const char* path, std::span<char> buffer);
Result<void> write_small(int dir, const char* path, std::string_view text);

// "/proc/PID/rest".
FixedString<64> proc_path(pid_t pid, std::string_view rest);

// The numbers of a file of numbers (cgroup.procs, children), read in pieces.
class NumberReader {
 public:
  explicit NumberReader(int fd) : fd_(fd) {}
  // 0: the end, or an error (the file's owner is gone).
  pid_t next();

 private:
  int get();

  int fd_;
  std::size_t at_ = 0, size_ = 0;
  NumberScan scan_;
  char buffer_[512];
};

// The entries of a directory, by getdents64(2).
class DirectoryReader {
 public:
  explicit DirectoryReader(int fd) : fd_(fd) {}
  struct Entry {
    const char* name = nullptr;  // zero-terminated, valid until the next call; nullptr: the end
    bool directory = false;
  };
  Entry next();
  // The next entry that is a number; 0: the end.
  pid_t next_number();

 private:
  int fd_;
  std::size_t at_ = 0, size_ = 0;
  alignas(8) char buffer_[1024];
};

}  // namespace holdfast::os
