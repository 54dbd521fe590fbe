#include "daemon/state_lock.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "os/process.h"

namespace holdfast::daemon {

namespace fs = std::filesystem;

Result<StateLock> StateLock::take(const fs::path& state_dir) {
  std::error_code ec;
  const bool made = fs::create_directories(state_dir, ec);
  if (ec) return sys_error("mkdir", state_dir.string(), ec.value());
  if (made) fs::permissions(state_dir, fs::perms::owner_all, ec);
  if (ec) return sys_error("chmod", state_dir.string(), ec.value());

  const fs::path file = state_dir / "lock";
  auto lock = os::lock_file(file.c_str());
  if (!lock) {
    if (!lock.error().is_errno(EWOULDBLOCK)) return forward(lock);
    std::string owner;
    std::getline(std::ifstream(file), owner);
    return fail(Errc::refused, "", "another gateway (pid " + owner + ") owns " + state_dir.string());
  }
  // For people only: the lock is the flock, the number in it names its owner.
  std::ofstream(file, std::ios::trunc) << ::getpid() << '\n';
  auto identity = os::identify_file(file.c_str());
  if (!identity) return forward(identity);
  return StateLock(std::move(*lock), {file, *identity});
}

Result<bool> is_there(const LockedFile& file) {
  auto now = os::identify_file(file.path.c_str());
  if (now) return *now == file.identity;
  if (now.error().is_errno(ENOENT) || now.error().is_errno(ENOTDIR)) return false;
  return forward(now);
}

}  // namespace holdfast::daemon
