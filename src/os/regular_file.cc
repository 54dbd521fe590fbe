#include "os/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

Result<std::size_t> read_regular_file(const char* path, std::span<char> buffer) {
  struct stat now{};
  if (::stat(path, &now) != 0) return sys_error("stat", path);  // before open(2): a device may act on it
  if (!S_ISREG(now.st_mode)) return fail(Errc::invalid, "open", kind_of(now.st_mode));
  const auto file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return std::unexpected(file.error());
  if (::fstat(file->get(), &now) != 0) return sys_error("stat", path);  // it may have been replaced meanwhile
  if (!S_ISREG(now.st_mode)) return fail(Errc::invalid, "open", kind_of(now.st_mode));
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t n = ::read(file->get(), buffer.data() + size, buffer.size() - size);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_error("read", path);
    size += static_cast<std::size_t>(n);
  }
  return size;
}

}  // namespace holdfast::os
