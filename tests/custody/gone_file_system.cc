#include "gone_file_system.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/ids.h"
#include "os/process.h"

namespace holdfast::test {

namespace {

constexpr std::chrono::seconds kLimit{10};

// The kernel wants room for one write, whether or not it ever sends one.
struct Request {
  fuse_in_header header;
  std::array<char, FUSE_MIN_READ_BUFFER> rest;
};

struct InitAnswer {
  fuse_out_header header;
  fuse_init_out init;
};

}  // namespace

GoneFileSystem::GoneFileSystem(Sleep sleep)
    : path_(std::filesystem::temp_directory_path() / ("holdfast-gone-" + random_hex(6))) {
  std::filesystem::create_directory(path_);
  fuse_ = UniqueFd(::open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fuse_) {
    lack("/dev/fuse");
    return;
  }
  const std::string options =
      "fd=" + std::to_string(fuse_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (::mount("holdfast-gone", path_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    lack("no right to mount");
    return;
  }
  // As long as the kernel has not learnt the version, all others wait for that; then each for its own answer.
  if (sleep == Sleep::uninterruptible && !answer_first_request()) lack("FUSE");
}

GoneFileSystem::~GoneFileSystem() {
  fuse_.reset();  // before the mount: whoever waits is let go
  (void)::umount2(path_.c_str(), MNT_DETACH);
  ::rmdir(path_.c_str());
}

void GoneFileSystem::lack(const std::string& what) {
  reason_ = what + ": " + std::generic_category().message(errno);
  fuse_.reset();
}

bool GoneFileSystem::take_request(void* buffer, std::size_t size) {
  std::array set{os::Poll{fuse_.get(), POLLIN, 0}};
  const auto ready = os::poll_all(set, kLimit);
  return ready && *ready > 0 && ::read(fuse_.get(), buffer, size) > 0;
}

bool GoneFileSystem::answer_first_request() {
  Request request;
  if (!take_request(&request, sizeof request)) return false;
  InitAnswer answer{};
  answer.header = {.len = sizeof answer, .error = 0, .unique = request.header.unique};
  answer.init.major = FUSE_KERNEL_VERSION;
  answer.init.minor = FUSE_KERNEL_MINOR_VERSION;
  answer.init.max_write = 4096;
  return ::write(fuse_.get(), &answer, sizeof answer) == sizeof answer;
}

bool GoneFileSystem::await_sleeper() {
  Request request;
  return take_request(&request, sizeof request);
}

}  // namespace holdfast::test
