#include "gone_file_system.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/ids.h"

namespace holdfast::test {

GoneFileSystem::GoneFileSystem()
    : path_(std::filesystem::temp_directory_path() / ("holdfast-gone-" + random_hex(6))) {
  const auto lacks = [this](const std::string& what) {
    reason_ = what + ": " + std::generic_category().message(errno);
    fuse_.reset();
  };
  fuse_ = UniqueFd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse_) {
    lacks("no FUSE");
    return;
  }
  std::filesystem::create_directory(path_);
  const std::string options =
      "fd=" + std::to_string(fuse_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (::mount("holdfast-gone", path_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    lacks("no right to mount");
}

GoneFileSystem::~GoneFileSystem() {
  if (fuse_) {
    fuse_.reset();
    (void)::umount2(path_.c_str(), MNT_DETACH);
  }
  ::rmdir(path_.c_str());
}

}  // namespace holdfast::test
