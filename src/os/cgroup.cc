#include "os/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/mutant.h"
#include "os/cgroup_path.h"
#include "os/pidfd.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

// Sub-cgroups deeper than this are left to cgroup.kill, which is recursive, and to the walk by descent.
constexpr int kMaxDepth = 16;
// Pids per verification: one more reading of cgroup.procs proves a whole batch.
constexpr std::size_t kBatch = 32;

bool is_gone(const Error& error) { return error.is_errno(ENOENT) || error.is_errno(ENODEV); }

// Calls `visit(directory)` for the cgroup and every one below it, depth last.
template <class F>
void for_each_directory(int dir, F&& visit, int depth = 0) {
  visit(dir);
  if (depth == kMaxDepth) return;
  auto listing = open_at(dir, ".", O_RDONLY | O_DIRECTORY);
  if (!listing) return;
  DirectoryReader entries(listing->get());
  for (auto entry = entries.next(); entry.name != nullptr; entry = entries.next()) {
    if (!entry.directory) continue;
    if (auto below = open_at(dir, entry.name, O_RDONLY | O_DIRECTORY))
      for_each_directory(below->get(), visit, depth + 1);
  }
}

// Hands `act` a pidfd of every process listed in this one cgroup, after it was seen there again: between the
// opening and the second look the number cannot have changed hands and still be listed.
template <class F>
int for_each_listed(int dir, F&& act) {
  auto file = open_at(dir, "cgroup.procs", O_RDONLY);
  if (!file) return 0;
  NumberReader listed(file->get());
  int count = 0;
  for (bool more = true; more;) {
    // Before the pidfds, which may take the last descriptors that there are; read after them.
    auto again = open_at(dir, "cgroup.procs", O_RDONLY);
    if (!again) return count;
    std::array<PidFd, kBatch> batch;
    std::array<bool, kBatch> verified{};
    std::size_t size = 0;
    while (size < kBatch) {
      const pid_t pid = listed.next();
      if (pid == 0) {
        more = false;
        break;
      }
      if (pid == ::getpid()) continue;
      if (auto member = PidFd::open(pid)) batch[size++] = std::move(*member);
    }
    if (size == 0) continue;
    NumberReader still(again->get());
    while (const pid_t pid = still.next()) {
      for (std::size_t i = 0; i < size; ++i) verified[i] = verified[i] || batch[i].pid() == pid;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (!verified[i]) continue;
      ++count;
      if (!act(batch[i])) return count;
    }
  }
  return count;
}

}  // namespace

Result<bool> CgroupLeaf::populated() const {
  if (!dir_) return sys_error("cgroup.events", {}, EBADF);
  char buffer[256];
  auto text = read_small(dir(), "cgroup.events", buffer);
  if (!text) {
    if (is_gone(text.error())) return false;  // the directory was removed, which the kernel allows empty only
    return forward(text);
  }
  return !says_empty(*text);
}

Result<bool> CgroupLeaf::populated_again(int events) {
  char buffer[256];
  const ssize_t n = ::pread(events, buffer, sizeof buffer, 0);
  if (n < 0 && errno == ENODEV) return false;
  if (n < 0) return sys_error("pread", "cgroup.events");
  return !says_empty({buffer, static_cast<std::size_t>(n)});
}

Result<int> CgroupLeaf::for_each_verified(bool (*visit)(void* context, const PidFd& member),
                                          void* context) const {
  if (!dir_) return sys_error("cgroup.procs", {}, EBADF);
  int count = 0;
  bool more = true;
  for_each_directory(dir(), [&](int each) {
    if (!more) return;
    count += for_each_listed(each, [&](const PidFd& member) { return more = visit(context, member); });
  });
  return count;
}

Result<void> CgroupLeaf::for_each_member(void (*visit)(void* context, pid_t pid), void* context) const {
  if (!dir_) return sys_error("cgroup.procs", {}, EBADF);
  for_each_directory(dir(), [&](int each) {
    auto file = open_at(each, "cgroup.procs", O_RDONLY);
    if (!file) return;
    NumberReader listed(file->get());
    while (const pid_t pid = listed.next()) visit(context, pid);
  });
  return {};
}

Result<void> CgroupLeaf::thaw() const {
  if (!dir_) return sys_error("cgroup.freeze", {}, EBADF);
  for_each_directory(dir(), [](int each) { (void)write_small(each, "cgroup.freeze", "0"); });
  return {};
}

Result<int> CgroupLeaf::kill_pass() const {
  if (!dir_) return sys_error("cgroup.kill", {}, EBADF);
  (void)thaw();
  // Absent before Linux 5.14: the signals below do its work, only slower, and not on members of another user.
  if (kSwitchedOff != Mechanism::cgroup_kill) (void)write_small(dir(), "cgroup.kill", "1");
  return for_each_verified([](const PidFd& member) {
    (void)member.signal(SIGKILL);
    return true;
  });
}

Result<UniqueFd> CgroupLeaf::events_fd() const { return open_at(dir(), "cgroup.events", O_RDONLY); }

Result<std::uint64_t> CgroupLeaf::id() const {
  struct stat info{};
  if (::fstat(dir(), &info) != 0) return sys_error("fstat", "cgroup");
  return info.st_ino;
}

}  // namespace holdfast::os
