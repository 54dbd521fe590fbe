#include "os/procfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "os/proc_text.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

// Steps and restarts of a walk up the parents: a bound against a chain that never settles.
constexpr int kMaxDepth = 4096;
constexpr int kMaxRestarts = 16;

pid_t parent_of(pid_t pid) {
  auto stat = read_stat(pid);
  return stat ? stat->ppid : -1;
}

bool have_children_files() {
  static std::atomic<int> known{-1};
  int have = known.load(std::memory_order_relaxed);
  if (have < 0) {
    have = ::access("/proc/thread-self/children", R_OK) == 0 ? 1 : 0;
    known.store(have, std::memory_order_relaxed);
  }
  return have == 1;
}

// One line of smaps_rollup.
Result<std::int64_t> smaps_field(pid_t pid, std::string_view name) {
  char buffer[2048];
  const auto path = proc_path(pid, "smaps_rollup");
  auto text = read_small(-1, path.c_str(), buffer);
  if (!text) return forward(text);
  const auto bytes = parse_smaps(*text, name);
  return bytes ? Result<std::int64_t>(*bytes) : fail(Errc::not_found, "smaps_rollup", name);
}

}  // namespace

std::uint64_t ticks_since_boot() {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto hertz = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return static_cast<std::uint64_t>(now.tv_sec) * hertz +
         static_cast<std::uint64_t>(now.tv_nsec) * hertz / 1'000'000'000;
}

Result<ProcStat> read_stat(pid_t pid) {
  char buffer[1024];
  const auto path = proc_path(pid, "stat");
  auto text = read_small(-1, path.c_str(), buffer);
  if (!text) return forward(text);
  const auto stat = parse_stat(pid, *text);
  if (!stat) return sys_error("read", path.view(), ESRCH);
  return *stat;
}

Result<void> for_each_child(pid_t pid, void (*visit)(void* context, pid_t child), void* context) {
  if (!have_children_files()) return for_each_child_by_scan(pid, visit, context);
  auto tasks = open_at(-1, proc_path(pid, "task").c_str(), O_RDONLY | O_DIRECTORY);
  if (!tasks) return forward(tasks);
  DirectoryReader threads(tasks->get());
  while (const pid_t thread = threads.next_number()) {
    FixedString<64> path;
    path.append_number(thread).append("/children");
    auto file = open_at(tasks->get(), path.c_str(), O_RDONLY);
    if (!file) continue;  // the thread ended: its children now belong to another thread or process
    NumberReader children(file->get());
    while (const pid_t child = children.next()) visit(context, child);
  }
  return {};
}

Result<void> for_each_child_by_scan(pid_t pid, void (*visit)(void* context, pid_t child), void* context) {
  return for_each_process([&](pid_t other) {
    if (parent_of(other) == pid) visit(context, other);
  });
}

Result<void> for_each_process(void (*visit)(void* context, pid_t pid), void* context) {
  auto proc = open_at(-1, "/proc", O_RDONLY | O_DIRECTORY);
  if (!proc) return forward(proc);
  DirectoryReader entries(proc->get());
  while (const pid_t pid = entries.next_number()) visit(context, pid);
  return {};
}

bool is_descendant(pid_t pid, pid_t ancestor) {
  if (pid <= 1 || ancestor <= 0 || pid == ancestor) return false;
  for (int restart = 0; restart < kMaxRestarts; ++restart) {
    pid_t child = pid;
    pid_t parent = parent_of(child);
    for (int depth = 0; depth < kMaxDepth; ++depth) {
      if (parent == ancestor) return true;
      if (parent <= 1) return false;
      const pid_t next = parent_of(parent);
      // The child still has this parent, so the parent lived, and was the same, at both reads. Otherwise a
      // link broke under our hands and nothing above it is proven: from the start.
      if (parent_of(child) != parent) break;
      child = parent;
      parent = next;
    }
  }
  return false;
}

Result<struct stat> stat_descriptor(pid_t pid, int fd) {
  FixedString<32> name("fd/");
  name.append_number(fd);
  const auto path = proc_path(pid, name.view());
  struct stat result{};
  if (::stat(path.c_str(), &result) != 0) return sys_error("stat", path.view());
  return result;
}

Result<std::int64_t> pss_bytes(pid_t pid) { return smaps_field(pid, "Pss"); }
Result<std::int64_t> pss_anon_bytes(pid_t pid) { return smaps_field(pid, "Pss_Anon"); }

Result<bool> read_environ(pid_t pid, std::string_view name, FixedString<224>& value) {
  const auto path = proc_path(pid, "environ");
  auto file = open_at(-1, path.c_str(), O_RDONLY);
  if (!file) return forward(file);
  value = {};
  EnvironScan scan(name);
  char buffer[2048];
  for (;;) {
    const ssize_t n = ::read(file->get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_error("read", path.view());
    if (n == 0) return scan.inside();
    for (ssize_t i = 0; i < n; ++i) {
      if (scan.feed(buffer[i], value)) return true;
    }
  }
}

bool command_line_has(pid_t pid, std::string_view text) {
  char buffer[2048];
  const auto path = proc_path(pid, "cmdline");
  const auto words = read_small(-1, path.c_str(), buffer);
  return words && words->contains(text);
}

uid_t real_uid(pid_t pid) {
  char buffer[1024];
  const auto path = proc_path(pid, "status");
  auto text = read_small(-1, path.c_str(), buffer);
  if (!text) return static_cast<uid_t>(-1);
  return parse_real_uid(*text).value_or(static_cast<uid_t>(-1));
}

Result<FixedString<64>> boot_id() {
  char buffer[64];
  auto text = read_small(-1, "/proc/sys/kernel/random/boot_id", buffer);
  if (!text) return forward(text);
  return FixedString<64>(text->substr(0, text->find('\n')));
}

}  // namespace holdfast::os
