// What the text files of /proc say, without the files: pure, no heap. Used inside os only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fixed_string.h"
#include "os/procfs.h"

namespace holdfast::os {

// A decimal number at the start of `text`, which is moved behind it; blanks before it are skipped. nullopt:
// no number, or one that does not fit.
std::optional<std::uint64_t> take_number(std::string_view& text);

// /proc/PID/stat. nullopt: it is not whole.
std::optional<ProcStat> parse_stat(pid_t pid, std::string_view text);

// The real user id out of /proc/PID/status.
std::optional<uid_t> parse_real_uid(std::string_view status);

// The value in kB behind "NAME:" at the start of a line of smaps_rollup, in bytes.
std::optional<std::int64_t> parse_smaps(std::string_view text, std::string_view name);

// A pass over NAME=value\0NAME=value\0…, a character at a time.
class EnvironScan {
 public:
  explicit EnvironScan(std::string_view name) : name_(name) {}
  // True once the value is complete.
  bool feed(char c, FixedString<224>& value);
  [[nodiscard]] bool inside() const { return inside_; }

 private:
  static constexpr std::size_t kNoMatch = static_cast<std::size_t>(-1);
  std::string_view name_;
  std::size_t at_ = 0;
  bool inside_ = false;
};

// A pass over the process numbers of a file (cgroup.procs, children), a character at a time. 0, which stands
// for a process outside of our PID namespace, and what is no process number are left out.
class NumberScan {
 public:
  // The number that ends with this character; 0: none does. -1 is the end of the file.
  pid_t feed(int c);

 private:
  std::int64_t value_ = 0;
};

}  // namespace holdfast::os
