// Whatever /proc says: each reader agrees with a second one, written the obvious way with strings and splits,
// and reads back what the kernel would write. The first byte says whose text the rest is.
#include <limits>
#include <optional>
#include <string>

#include "fuzz.h"
#include "os/proc_text.h"

namespace {

using namespace holdfast::os;
using holdfast::FixedString;
using holdfast::fuzz::require;
using holdfast::fuzz::split;

constexpr std::string_view kDigits = "0123456789";
constexpr pid_t kMostPids = std::numeric_limits<pid_t>::max();

// The number that `text` begins with, blanks before it not counted.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const std::string digits(text.substr(0, text.find_first_not_of(kDigits)));
  if (digits.empty()) return std::nullopt;
  const auto plain = digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  const std::string most = std::to_string(std::numeric_limits<std::uint64_t>::max());
  if (plain.size() > most.size() || (plain.size() == most.size() && plain > most)) return std::nullopt;
  return std::stoull(plain);
}

std::optional<pid_t> whole_id(std::string_view word) {
  if (word == "-1") return -1;
  word.remove_prefix(std::min(word.find_first_not_of('\t'), word.size()));
  const auto number = leading_number(word);
  if (!number || word.find_first_not_of(kDigits) != std::string_view::npos || *number > kMostPids)
    return std::nullopt;
  return static_cast<pid_t>(*number);
}

bool same(const ProcStat& x, const ProcStat& y) {
  return x.pid == y.pid && x.ppid == y.ppid && x.pgrp == y.pgrp && x.session == y.session &&
         x.state == y.state && x.start_ticks == y.start_ticks && x.comm.view() == y.comm.view();
}

std::optional<ProcStat> obvious_stat(std::string_view text) {
  const auto open = text.find('('), close = text.rfind(')');
  if (open > close || close == std::string_view::npos) return std::nullopt;
  std::vector<std::string_view> words;  // words[i] is field i + 3 of proc_pid_stat(5)
  for (const auto word : split(text.substr(close + 1), ' '))
    if (!word.empty()) words.push_back(word);
  if (words.size() < 20 || words[0].size() != 1) return std::nullopt;
  const auto ppid = whole_id(words[1]), pgrp = whole_id(words[2]), session = whole_id(words[3]);
  const auto ticks = leading_number(words[19]);
  if (!ppid || !pgrp || !session || !ticks) return std::nullopt;
  return ProcStat{.pid = 7,
                  .ppid = *ppid,
                  .pgrp = *pgrp,
                  .session = *session,
                  .state = words[0][0],
                  .start_ticks = *ticks,
                  .comm = text.substr(open + 1, close - open - 1)};
}

void check_stat(std::string_view text) {
  const auto read = parse_stat(7, text);
  const auto expected = obvious_stat(text);
  require(read.has_value() == expected.has_value(), "one reader of stat accepts it");
  if (read) require(same(*read, *expected), "two readers of stat disagree");

  ProcStat made{
      .pid = 7, .ppid = 1, .pgrp = -1, .session = -1, .state = 'Z', .start_ticks = text.size(), .comm = text};
  const std::string line = "7 (" + std::string(made.comm.view()) +
                           ") Z 1 -1 -1 0 -1 4 0 0 0 0 0 0 0 0 20 0 0 0 " + std::to_string(made.start_ticks) +
                           " 0 0 18446744073709551615 0\n";
  const auto again = parse_stat(7, line);
  require(again && same(*again, made), "a stat line of the kernel's is read otherwise");
}

void check_status(std::string_view text) {
  std::optional<uid_t> expected;
  const auto lines = split(text, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) {  // the first line is the name
    if (!lines[i].starts_with("Uid:")) continue;
    if (const auto uid = leading_number(lines[i].substr(4)); uid && *uid <= std::numeric_limits<uid_t>::max())
      expected = static_cast<uid_t>(*uid);
    break;
  }
  require(parse_real_uid(text) == expected, "two readers of status disagree");
}

void check_smaps(std::string_view text) {
  std::optional<std::int64_t> expected;
  for (const auto line : split(text, '\n')) {
    if (!line.starts_with("Pss:")) continue;
    if (const auto value = leading_number(line.substr(4)); value && *value <= (1ULL << 53) - 1)
      expected = static_cast<std::int64_t>(*value << 10);
    break;
  }
  require(parse_smaps(text, "Pss") == expected, "two readers of smaps_rollup disagree");
}

void check_environ(std::string_view text) {
  std::optional<std::string_view> expected;
  for (const auto entry : split(text, '\0'))
    if (!expected && entry.starts_with("TREE=")) expected = entry.substr(5);
  EnvironScan scan("TREE");
  FixedString<224> value;
  bool complete = false;
  for (std::size_t i = 0; i < text.size() && !complete; ++i) complete = scan.feed(text[i], value);
  require((complete || scan.inside()) == expected.has_value(), "one reader of environ finds it");
  if (expected) require(value.view() == expected->substr(0, 224), "two readers of environ disagree");
}

void check_numbers(std::string_view text) {
  std::vector<pid_t> expected, read;
  for (std::string_view rest = text; !rest.empty();) {
    const auto begin = std::min(rest.find_first_of(kDigits), rest.size());
    rest.remove_prefix(begin);
    const auto digits = rest.substr(0, rest.find_first_not_of(kDigits));
    const auto value = leading_number(digits);
    if (value && *value > 0 && *value <= kMostPids) expected.push_back(static_cast<pid_t>(*value));
    rest.remove_prefix(digits.size());
  }
  NumberScan scan;
  const auto feed = [&](int c) {
    if (const pid_t number = scan.feed(c); number != 0) read.push_back(number);
  };
  for (const char c : text) feed(static_cast<unsigned char>(c));
  feed(-1);
  require(read == expected, "two readers of a list of processes disagree");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  holdfast::fuzz::input = {reinterpret_cast<const char*>(data), size};
  switch (data[0]) {
    case 's':
      check_stat(text);
      break;
    case 'u':
      check_status(text);
      break;
    case 'm':
      check_smaps(text);
      break;
    case 'e':
      check_environ(text);
      break;
    default:
      check_numbers(text);
  }
  return 0;
}
