#include "os/text_file.h"

#include <cstdio>

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

}  // namespace holdfast::os
