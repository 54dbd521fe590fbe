#include <array>
#include <optional>

#include "cron/fields.h"
#include "cron/forms.h"

namespace holdfast::cron {

namespace {

using std::chrono::seconds;

constexpr long long kDaySeconds = 86'400;
constexpr long long kLongest = 366 * kDaySeconds;
constexpr std::array<std::string_view, 7> kDayNames{"sunday",   "monday", "tuesday", "wednesday",
                                                    "thursday", "friday", "saturday"};
constexpr std::string_view kForms =
    "known are: every day at 7:30, every weekday at 7:30, every monday, thursday at 7:30, every month on the "
    "1st (last day, last friday) at 7:30";

long long seconds_in(std::string_view unit) {
  return same(unit, "s")   ? 1
         : same(unit, "m") ? 60
         : same(unit, "h") ? 3600
         : same(unit, "d") ? kDaySeconds
         : same(unit, "w") ? 7 * kDaySeconds
                           : 0;
}

// Any sum of numbers with units.
Parsed<long long> duration(Piece written) {
  long long total = 0;
  for (std::size_t i = 0; i < written.text.size();) {
    const std::size_t digits = i;
    while (i < written.text.size() && is_digit(written.text[i])) ++i;
    if (i == digits)
      return wrong(written.at, quoted(written.text) + " is not a duration; write it as 10m, 90s or 1h30m");
    const auto number = number_of(written.text.substr(digits, i - digits), kLongest);
    const std::size_t unit_at = i;
    while (i < written.text.size() && !is_digit(written.text[i])) ++i;
    const std::string_view unit = written.text.substr(unit_at, i - unit_at);
    if (unit.empty())
      return wrong(written.at + unit_at, "a unit is missing after the number: s, m, h, d or w");
    if (same(unit, "ms")) return wrong(written.at + unit_at, "the period must be 1s to 366d");
    const long long size = seconds_in(unit);
    if (size == 0) return wrong(written.at + unit_at, "unknown unit " + quoted(unit) + ": s, m, h, d or w");
    total = std::min(total + number * size, kLongest + 1);
  }
  return total;
}

Parsed<Every> period(const std::vector<Piece>& words, std::vector<std::string>& warnings) {
  const auto total = duration(words[1]);
  if (!total) return std::unexpected(total.error());
  if (*total < 1 || *total > kLongest) return wrong(words[1].at, "the period must be 1s to 366d");
  Every every{seconds(*total), {}, false};
  if (words.size() == 2) {
    if (*total == kDaySeconds)
      warnings.emplace_back(
          "every 1d is 24 elapsed hours, at midnight UTC; @daily is midnight by the clock of the zone");
    return every;
  }
  if (same(words[2].text, "phase")) {
    if (words.size() == 3) return wrong(words[2].end(), "a duration such as 5m is missing after phase");
    const auto phase = duration(words[3]);
    if (!phase) return std::unexpected(phase.error());
    if (*phase >= *total) return wrong(words[3].at, "the phase must be shorter than the period");
    if (words.size() > 4) return wrong(words[4].at, "nothing may follow the phase");
    every.phase = seconds(*phase);
    return every;
  }
  if (!same(words[2].text, "after"))
    return wrong(words[2].at, "nothing may follow the duration but phase D, or after end");
  if (words.size() == 3 || !same(words[3].text, "end"))
    return wrong(words.size() == 3 ? words[2].end() : words[3].at, "after is followed by end");
  if (words.size() > 4) return wrong(words[4].at, "nothing may follow after end");
  every.after_end = true;
  return every;
}

std::optional<int> weekday_of(std::string_view word) {
  for (std::size_t i = 0; i < kDayNames.size(); ++i)
    if (same(word, kDayNames[i])) return static_cast<int>(i);
  return std::nullopt;
}

// "7:30" or "07:30" as the fields "30 7".
Parsed<std::string> time_of_day(Piece word) {
  const auto colon = word.text.find(':');
  const std::string_view hour = word.text.substr(0, colon);
  const std::string_view minute = colon == std::string_view::npos ? "" : word.text.substr(colon + 1);
  if (!all_digits(hour) || hour.size() > 2 || !all_digits(minute) || minute.size() != 2 ||
      number_of(hour, 99) > 23 || number_of(minute, 99) > 59)
    return wrong(word.at, quoted(word.text) + " is not a time of day such as 7:30");
  return std::string(minute) + " " + std::string(hour);
}

// The day-of-month and day-of-week fields of "the 1st", "the last day", "the last friday".
Parsed<std::string> day_of_month(const std::vector<Piece>& words, std::size_t& at) {
  const auto take = [&] { return at < words.size() ? words[at++] : Piece{{}, words.back().end()}; };
  if (const Piece word = take(); !same(word.text, "the"))
    return wrong(word.at, "on is followed by the 1st, the last day or the last friday", std::string(kForms));
  const Piece word = take();
  if (same(word.text, "last")) {
    const Piece last = take();
    if (same(last.text, "day")) return "L * *";
    if (const auto day = weekday_of(last.text)) return "* * " + std::to_string(*day) + "L";
    return wrong(last.at, "last is followed by day or by the name of a weekday", std::string(kForms));
  }
  const auto letters = std::ranges::find_if_not(word.text, is_digit) - word.text.begin();
  const std::string_view digits = word.text.substr(0, static_cast<std::size_t>(letters));
  const std::string_view ending = word.text.substr(digits.size());
  const auto day = number_of(digits, 99);
  const bool teen = day / 10 == 1;
  const std::string_view right = teen || day % 10 > 3 || day % 10 == 0 ? "th"
                                 : day % 10 == 1                       ? "st"
                                 : day % 10 == 2                       ? "nd"
                                                                       : "rd";
  if (day < 1 || day > 31 || !same(ending, right))
    return wrong(word.at, quoted(word.text) + " is not a day of the month such as 1st or 15th",
                 std::string(kForms));
  return std::to_string(day) + " * *";
}

// The day-of-month, month and day-of-week fields of what is between `every` and `at`. nullopt: no form for
// the calendar begins with this word.
Parsed<std::optional<std::string>> calendar_days(const std::vector<Piece>& words, std::size_t& at) {
  const Piece first = words[at++];
  if (same(first.text, "day")) return "* * *";
  if (same(first.text, "weekday")) return "* * 1-5";
  if (same(first.text, "month")) {
    if (at < words.size() && same(words[at].text, "on")) return day_of_month(words, ++at);
    return wrong(at < words.size() ? words[at].at : words.back().end(), "month is followed by on the",
                 std::string(kForms));
  }
  std::string days;
  for (--at; at < words.size() && !same(words[at].text, "at"); ++at) {
    for (Piece rest = words[at]; !rest.text.empty();) {
      const auto comma = std::min(rest.text.find(','), rest.text.size());
      const Piece name = rest.sub(0, comma);
      const auto day = weekday_of(name.text);
      if (!day && !name.text.empty()) {
        if (days.empty()) return std::nullopt;
        return wrong(name.at, quoted(name.text) + " is not a weekday", std::string(kForms));
      }
      if (day) days += (days.empty() ? "" : ",") + std::to_string(*day);
      rest = rest.sub(std::min(comma + 1, rest.text.size()));
    }
  }
  if (days.empty()) return std::nullopt;
  return "* * " + days;
}

}  // namespace

Parsed<std::variant<Every, std::string>> read_every(const std::vector<Piece>& words,
                                                    std::vector<std::string>& warnings) {
  if (words.size() < 2)
    return wrong(words[0].end(), "a duration such as 10m is missing after " + std::string(words[0].text));
  std::size_t at = 1;
  const auto days = calendar_days(words, at);
  if (!days) return std::unexpected(days.error());
  if (!*days) {
    const auto every = period(words, warnings);
    if (!every) return std::unexpected(every.error());
    return *every;
  }
  if (at >= words.size() || !same(words[at].text, "at"))
    return wrong(at < words.size() ? words[at].at : words.back().end(), "the time is missing: at 7:30",
                 std::string(kForms));
  if (at + 1 == words.size()) return wrong(words[at].end(), "the time is missing after at");
  const auto time = time_of_day(words[at + 1]);
  if (!time) return std::unexpected(time.error());
  if (at + 2 < words.size()) return wrong(words[at + 2].at, "nothing may follow the time");
  return *time + " " + **days;
}

}  // namespace holdfast::cron
