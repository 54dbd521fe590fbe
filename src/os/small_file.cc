#include "os/small_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/descriptors.h"

namespace holdfast::os {
namespace {

// struct linux_dirent64 (getdents64(2)); glibc's own reader allocates.
struct KernelEntry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  unsigned char type;
  char name[1];
};

ssize_t read_some(int fd, char* to, std::size_t size) {
  for (;;) {
    const ssize_t n = ::read(fd, to, size);
    if (n >= 0 || errno != EINTR) return n;
  }
}

}  // namespace

Result<UniqueFd> open_at(int dir, const char* path, int flags) {
  for (;;) {
    UniqueFd fd(::openat(dir, path, flags | O_CLOEXEC));
    if (fd) return fd;
    note_shortage(errno);
    if (errno != EINTR) return sys_error("openat", path);
  }
}

Result<std::string_view> read_small(int dir, const char* path, std::span<char> buffer) {
  auto fd = open_at(dir, path, O_RDONLY);
  if (!fd) return forward(fd);
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t n = read_some(fd->get(), buffer.data() + size, buffer.size() - size);
    if (n < 0) return sys_error("read", path);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  return std::string_view(buffer.data(), size);
}

Result<void> write_small(int dir, const char* path, std::string_view text) {
  auto fd = open_at(dir, path, O_WRONLY);
  if (!fd) return forward(fd);
  for (;;) {
    if (::write(fd->get(), text.data(), text.size()) >= 0) return {};
    if (errno != EINTR) return sys_error("write", path);
  }
}

FixedString<64> proc_path(pid_t pid, std::string_view rest) {
  FixedString<64> path("/proc/");
  path.append_number(pid).append("/").append(rest);
  return path;
}

int NumberReader::get() {
  if (at_ == size_) {
    const ssize_t n = read_some(fd_, buffer_, sizeof buffer_);
    if (n <= 0) return -1;
    at_ = 0;
    size_ = static_cast<std::size_t>(n);
  }
  return static_cast<unsigned char>(buffer_[at_++]);
}

pid_t NumberReader::next() {
  for (;;) {
    const int c = get();
    const pid_t number = scan_.feed(c);
    if (number != 0 || c < 0) return number;
  }
}

DirectoryReader::Entry DirectoryReader::next() {
  for (;;) {
    if (at_ == size_) {
      const long n = ::syscall(SYS_getdents64, fd_, buffer_, sizeof buffer_);
      if (n <= 0) return {};
      at_ = 0;
      size_ = static_cast<std::size_t>(n);
    }
    const auto* entry = reinterpret_cast<const KernelEntry*>(buffer_ + at_);
    at_ += entry->length;
    const std::string_view name(entry->name);
    if (name == "." || name == "..") continue;
    return {entry->name, entry->type == DT_DIR};
  }
}

pid_t DirectoryReader::next_number() {
  for (Entry entry = next(); entry.name != nullptr; entry = next()) {
    std::string_view name(entry.name);
    const auto value = take_number(name);
    if (value && name.empty()) return static_cast<pid_t>(*value);
  }
  return 0;
}

}  // namespace holdfast::os
