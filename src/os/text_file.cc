#include "os/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/unique_fd.h"

namespace holdfast::os {

Result<void> write_file(const std::filesystem::path& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return sys_error("open", path.native());
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int why = errno;
  // A full disk may show only when the buffer goes out.
  const bool closed = std::fclose(file) == 0;
  if (!written) return sys_error("write", path.native(), why);
  if (!closed) return sys_error("write", path.native());
  return {};
}

namespace {

Result<void> write_all(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_error("write", path.native());
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return sys_error("fsync", path.native());
  return {};
}

Result<void> write_aside(const std::filesystem::path& aside, std::string_view text) {
  (void)::unlink(aside.c_str());  // what a dead writer left may have any mode
  const UniqueFd fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return sys_error("open", aside.native());
  return write_all(fd.get(), text, aside);
}

}  // namespace

Result<void> replace_private_file(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path aside = path.native() + ".new";
  auto done = write_aside(aside, text);
  if (done && ::rename(aside.c_str(), path.c_str()) != 0) done = sys_error("rename", path.native());
  if (!done) {
    (void)::unlink(aside.c_str());
    return done;
  }
  const UniqueFd folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return sys_error("fsync", path.parent_path().native());
  return {};
}

}  // namespace holdfast::os
