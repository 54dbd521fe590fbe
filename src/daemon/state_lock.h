// One gateway per state directory.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/peer.h"

namespace holdfast::daemon {

// A lock file as it was when it was taken.
struct LockedFile {
  std::filesystem::path path;
  os::FileIdentity identity;
};
// Whether the path still names that very file. May take as long as its disk does. Errors: it could not be
// seen.
Result<bool> is_there(const LockedFile& file);

// Proof that this process owns the state directory; the kernel lets go of it with the process.
class StateLock {
 public:
  // Makes the directory (0700) if need be. Errc::refused: another gateway has it, with its pid in the
  // message.
  static Result<StateLock> take(const std::filesystem::path& state_dir);
  [[nodiscard]] const LockedFile& file() const { return file_; }

 private:
  StateLock(UniqueFd lock, LockedFile file) : lock_(std::move(lock)), file_(std::move(file)) {}
  UniqueFd lock_;
  LockedFile file_;
};

}  // namespace holdfast::daemon
