#include "world.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/ids.h"
#include "os/cgroup.h"
#include "os/own_world.h"
#include "os/process.h"

namespace holdfast::faults {
namespace {

namespace fs = std::filesystem;
constexpr int kBroken = 1;

// A cgroup for the world to be born in, so that its leaves are below it; removed when the world is gone.
class Ground {
 public:
  explicit Ground(bool wanted) {
    if (!wanted) return;
    const auto own = os::own_cgroup();
    if (!own) return;
    const std::string name = "holdfast-faults-" + random_hex(4);
    if (!os::CgroupLeaf::create(*own, name)) return;
    path_ = *own + "/" + name;
  }
  ~Ground() {
    for (int i = 0; !path_.empty() && !os::remove_cgroup(path_) && i < 200; ++i)
      (void)os::poll_all({}, std::chrono::milliseconds(5));
  }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;
  [[nodiscard]] bool enter() const {
    return static_cast<bool>(std::ofstream(path_ + "/cgroup.procs") << "0" << std::flush);
  }
  explicit operator bool() const { return !path_.empty(); }

 private:
  std::string path_;
};

int await_end(pid_t child) {
  const auto process = os::PidFd::open(child);
  for (;;) {
    const auto ended = os::wait_child(child);
    if (!ended || !process) return kBroken;
    if (ended->pid != 0) return ended->signal == 0 ? ended->code : kBroken;
    std::array set{os::Poll{process->get(), POLLIN, 0}};
    (void)os::poll_all(set, std::chrono::milliseconds(1000));
  }
}

}  // namespace

int in_a_world(bool leaf, const std::function<int(const std::string&)>& live) {
  const fs::path home = fs::temp_directory_path() / ("faults-" + random_hex(6));
  fs::create_directory(home);
  int status = kCannot;
  {
    const Ground ground(leaf);
    const auto child =
        !leaf || ground ? os::fork_own_world(home) : fail(Errc::not_found, "cgroup", "no leaves");
    if (child && *child == 0) ::_exit(!leaf || ground.enter() ? live(home) : kCannot);
    if (!child) std::fprintf(stderr, "%s\n", child.error().message().c_str());
    if (child) status = await_end(*child);
  }
  fs::remove(home);
  return status;
}

}  // namespace holdfast::faults
