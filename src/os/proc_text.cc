#include "os/proc_text.h"

#include <algorithm>
#include <limits>

namespace holdfast::os {
namespace {

// The next word of `text`, which is moved behind it; empty: there is none.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// A process, group or session; -1: it has just been let go of (do_task_stat).
bool take_id(std::string_view& text, pid_t& id) {
  auto word = take_word(text);
  if (word == "-1") {
    id = -1;
    return true;
  }
  const auto number = take_number(word);
  if (!number || !word.empty() || *number > std::numeric_limits<pid_t>::max()) return false;
  id = static_cast<pid_t>(*number);
  return true;
}

}  // namespace

std::optional<std::uint64_t> take_number(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::uint64_t value = 0;
  bool fits = true;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    fits = fits && !__builtin_mul_overflow(value, 10U, &value) &&
           !__builtin_add_overflow(value, static_cast<unsigned>(text.front() - '0'), &value);
    text.remove_prefix(1);
  }
  return fits ? std::optional(value) : std::nullopt;
}

std::optional<ProcStat> parse_stat(pid_t pid, std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  ProcStat stat;
  stat.pid = pid;
  stat.comm = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 1);
  const auto state = take_word(rest);
  if (state.size() != 1) return std::nullopt;
  stat.state = state.front();
  if (!take_id(rest, stat.ppid) || !take_id(rest, stat.pgrp) || !take_id(rest, stat.session))
    return std::nullopt;
  for (int field = 7; field < 22; ++field) take_word(rest);
  auto word = take_word(rest);
  const auto ticks = take_number(word);
  if (!ticks) return std::nullopt;
  stat.start_ticks = *ticks;
  return stat;
}

std::optional<uid_t> parse_real_uid(std::string_view status) {
  const auto at = status.find("\nUid:");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = status.substr(at + 5);
  const auto uid = take_number(rest);
  if (!uid || *uid > std::numeric_limits<uid_t>::max()) return std::nullopt;
  return static_cast<uid_t>(*uid);
}

std::optional<std::int64_t> parse_smaps(std::string_view text, std::string_view name) {
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    line.remove_prefix(name.size() + 1);
    const auto kilobytes = take_number(line);
    if (!kilobytes || *kilobytes > std::numeric_limits<std::int64_t>::max() / 1024) return std::nullopt;
    return static_cast<std::int64_t>(*kilobytes) * 1024;
  }
  return std::nullopt;
}

bool EnvironScan::feed(char c, FixedString<224>& value) {
  if (inside_) {
    if (c == '\0') return true;
    value.append(std::string_view(&c, 1));
  } else if (c == '\0') {
    at_ = 0;
  } else if (at_ == name_.size() && c == '=') {
    inside_ = true;
  } else {
    at_ = at_ < name_.size() && c == name_[at_] ? at_ + 1 : kNoMatch;
  }
  return false;
}

pid_t NumberScan::feed(int c) {
  constexpr std::int64_t kMost = std::numeric_limits<pid_t>::max();
  if (c >= '0' && c <= '9') {
    value_ = std::min(value_ * 10 + (c - '0'), kMost + 1);
    return 0;
  }
  const std::int64_t value = value_;
  value_ = 0;
  return value <= kMost ? static_cast<pid_t>(value) : 0;
}

}  // namespace holdfast::os
