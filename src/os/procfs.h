// What /proc says of processes, read without heap. A number read here is stale at once: verify through a
// pidfd.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/fixed_string.h"
#include "base/result.h"

namespace holdfast::os {

struct ProcStat {
  pid_t pid = 0, ppid = 0, pgrp = 0, session = 0;
  char state = '?';               // 'Z' does not mean dead (a process whose first thread exited)
  std::uint64_t start_ticks = 0;  // field 22, clock ticks since boot
  FixedString<64> comm;
};
// What the `start_ticks` of a process born now would be.
std::uint64_t ticks_since_boot();
// Parsed from the last ')' on: a comm may hold anything. ESRCH/ENOENT: gone.
Result<ProcStat> read_stat(pid_t pid);

// Calls `visit(context, child)` for each child of any thread of `pid` (task/*/children, CONFIG_PROC_CHILDREN;
// without it a scan of /proc by ppid). Children that come or go meanwhile may be missed or stale.
Result<void> for_each_child(pid_t pid, void (*visit)(void* context, pid_t child), void* context);
// The same by the scan alone, for kernels without children files.
Result<void> for_each_child_by_scan(pid_t pid, void (*visit)(void* context, pid_t child), void* context);
template <class F>
Result<void> for_each_child(pid_t pid, F&& visit) {
  return for_each_child(
      pid, [](void* f, pid_t child) { (*static_cast<std::remove_reference_t<F>*>(f))(child); }, &visit);
}
// Every process of /proc.
Result<void> for_each_process(void (*visit)(void* context, pid_t pid), void* context);
template <class F>
Result<void> for_each_process(F&& visit) {
  return for_each_process([](void* f, pid_t pid) { (*static_cast<std::remove_reference_t<F>*>(f))(pid); },
                          &visit);
}

// True if `pid` descends from `ancestor` now: the chain of parents, each link read twice so that a reused
// number in between shows (/proc tells of one process at a time). Not its own descendant.
bool is_descendant(pid_t pid, pid_t ancestor);

// stat(2) of /proc/PID/fd/N, to compare device and inode of a pipe. Error: closed, gone or not ours to see.
Result<struct stat> stat_descriptor(pid_t pid, int fd);

// PSS from smaps_rollup in bytes (kernel 4.14). EACCES for other users' processes.
Result<std::int64_t> pss_bytes(pid_t pid);
// Its anonymous part alone (Pss_Anon, kernel 5.15): what this process costs beyond its shared pages.
Result<std::int64_t> pss_anon_bytes(pid_t pid);

// One variable out of /proc/PID/environ into `value`; false: not set. Environ may have been overwritten by
// the process.
Result<bool> read_environ(pid_t pid, std::string_view name, FixedString<224>& value);

// True if `text` stands in the beginning of what /proc/PID/cmdline shows (some 2,000 bytes of it).
bool command_line_has(pid_t pid, std::string_view text);

uid_t real_uid(pid_t pid);          // (uid_t)-1: gone
Result<FixedString<64>> boot_id();  // /proc/sys/kernel/random/boot_id

}  // namespace holdfast::os
