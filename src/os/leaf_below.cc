#include "os/leaf_below.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <span>

#include "os/cgroup_path.h"
#include "os/process.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMaxDepth = 16;
constexpr int kTries = 8;
constexpr milliseconds kRemove{20}, kSweep{50};

std::unexpected<Error> no_cgroup(std::string_view why) { return fail(Errc::not_found, "own cgroup", why); }

Result<UniqueFd> open_listing(int dir, const char* name) {
  return open_at(dir, name, O_RDONLY | O_DIRECTORY);
}

void remove_below(int dir, int depth) {
  auto listing = open_listing(dir, ".");
  if (!listing || depth == kMaxDepth) return;
  DirectoryReader entries(listing->get());
  for (auto entry = entries.next(); entry.name != nullptr; entry = entries.next()) {
    if (!entry.directory) continue;
    if (auto below = open_listing(dir, entry.name)) remove_below(below->get(), depth + 1);
    (void)::unlinkat(dir, entry.name, AT_REMOVEDIR);
  }
}

// The leaf was left behind by dead holders: its members are nobody's.
bool clear(int parent, const char* name, const CgroupLeaf& leaf, steady_clock::time_point until) {
  for (;;) {
    const auto populated = leaf.populated();
    if (populated && *populated) (void)leaf.kill_pass();
    if (populated && !*populated) {
      remove_below(leaf.dir(), 0);
      if (::unlinkat(parent, name, AT_REMOVEDIR) == 0) return true;
      if (errno != EBUSY) return false;
    }
    if (!populated || steady_clock::now() >= until) return false;
    (void)poll_all({}, milliseconds(1));
  }
}

}  // namespace

Result<UniqueFd> open_own_cgroup() {
  auto path = own_cgroup_path();
  if (!path) return forward(path);
  return open_listing(AT_FDCWD, path->c_str());
}

Result<UniqueFd> open_cgroup_above(int own) {
  auto above = open_listing(own, "..");
  if (!above) return above;
  // Above the mount's root lies an ordinary directory.
  if (auto procs = open_at(above->get(), "cgroup.procs", O_RDONLY); !procs)
    return no_cgroup("nothing above it");
  return above;
}

Result<CgroupLeaf> make_leaf_below(int parent, std::string_view prefix) {
  static constexpr char digits[] = "0123456789abcdef";
  for (int i = 0; i < kTries; ++i) {
    std::array<std::byte, 8> random;
    fill_random(random);
    FixedString<64> name(prefix);
    for (const std::byte each : random) name.append({&digits[static_cast<unsigned>(each) % 16], 1});
    if (::mkdirat(parent, name.c_str(), 0755) != 0) return sys_error("mkdir", name.view());
    auto dir = open_listing(parent, name.c_str());
    // Somebody who sweeps may have taken it in this moment for one that was left behind: then another one.
    if (!dir || !lock_descriptor(dir->get(), false)) continue;
    CgroupLeaf leaf(std::move(*dir));
    if (leaf.events_fd()) return leaf;
  }
  return sys_error("mkdir", prefix, EAGAIN);
}

Result<void> remove_leaf(const CgroupLeaf& leaf) {
  FixedString<64> link("/proc/self/fd/");
  link.append_number(leaf.dir());
  char path[2048];
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path - 1);
  if (size < 0) return sys_error("readlink", link.view());
  path[size] = '\0';
  const auto until = steady_clock::now() + kRemove;
  for (;;) {
    remove_below(leaf.dir(), 0);
    if (::rmdir(path) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY || steady_clock::now() >= until) return sys_error("rmdir", path);
    (void)poll_all({}, milliseconds(1));
  }
}

int sweep_leaves_below(int parent, std::string_view prefix) {
  auto listing = open_listing(parent, ".");
  if (!listing) return 0;
  const auto until = steady_clock::now() + kSweep;
  int removed = 0;
  DirectoryReader entries(listing->get());
  for (auto entry = entries.next(); entry.name != nullptr; entry = entries.next()) {
    if (!entry.directory || !std::string_view(entry.name).starts_with(prefix)) continue;
    auto dir = open_listing(parent, entry.name);
    if (!dir || !lock_descriptor(dir->get(), true)) continue;
    removed += clear(parent, entry.name, CgroupLeaf(std::move(*dir)), until) ? 1 : 0;
    if (steady_clock::now() >= until) break;
  }
  return removed;
}

Result<void> set_leaf_limit(const CgroupLeaf& leaf, const char* file, std::string_view value) {
  return write_small(leaf.dir(), file, value);
}

}  // namespace holdfast::os
