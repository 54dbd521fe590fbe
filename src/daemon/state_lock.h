// One gateway per state directory.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::daemon {

// Proof that this process owns the state directory; the kernel lets go of it with the process.
class StateLock {
 public:
  // Makes the directory (0700) if need be. Errc::refused: another gateway has it, with its pid in the
  // message.
  static Result<StateLock> take(const std::filesystem::path& state_dir);

 private:
  explicit StateLock(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

}  // namespace holdfast::daemon
