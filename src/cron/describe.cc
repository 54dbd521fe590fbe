#include <array>
#include <bit>

#include "cron/expression.h"

namespace holdfast::cron {

namespace {

constexpr std::array<std::string_view, 13> kMonths{"",        "January",  "February", "March",  "April",
                                                   "May",     "June",     "July",     "August", "September",
                                                   "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};

std::string two_digits(int v) { return (v < 10 ? "0" : "") + std::to_string(v); }

std::string ordinal(int v) {
  const int last = v % 10;
  const bool teen = v / 10 == 1;
  return std::to_string(v) + (teen ? "th" : last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

// "1, 3 to 5": runs of three and more become ranges.
template <class Name>
std::string list(std::uint64_t mask, int from, int to, Name name) {
  std::string out;
  for (int v = from; v <= to; ++v) {
    if (!(mask >> v & 1)) continue;
    int end = v;
    while (end < to && (mask >> (end + 1) & 1)) ++end;
    if (!out.empty()) out += ", ";
    out += name(v);
    if (end - v >= 2) {
      out += " to " + std::string(name(end));
      v = end;
    }
  }
  return out;
}

std::string number(int v) { return std::to_string(v); }
std::string day_name(int v) { return std::string(kDays[static_cast<std::size_t>(v)]); }
std::string month_name(int v) { return std::string(kMonths[static_cast<std::size_t>(v)]); }

// Times of day that are few enough to be listed.
std::string few_times(const Fields& f) {
  const int minute = std::countr_zero(f.minute), second = std::countr_zero(f.second);
  std::string out = "at ";
  for (int h = 0; h < 24; ++h)
    if (f.hour >> h & 1)
      out += (out.size() > 3 ? ", " : "") + two_digits(h) + ":" + two_digits(minute) +
             (second != 0 ? ":" + two_digits(second) : "");
  return out;
}

std::string time_of(const Fields& f) {
  const bool every_second = std::popcount(f.second) == 60;
  const bool every_minute = std::popcount(f.minute) == 60;
  const bool every_hour = std::popcount(f.hour) == 24;
  const bool one_second = std::popcount(f.second) == 1;
  if (one_second && std::popcount(f.minute) == 1 && !every_hour && std::popcount(f.hour) <= 4)
    return few_times(f);
  std::string out = every_second    ? "every second of "
                    : f.second == 1 ? ""
                                    : "at second " + list(f.second, 0, 59, number) + " of ";
  out += every_minute ? "every minute"
                      : (out.empty() ? "at minute " : "minute ") + list(f.minute, 0, 59, number);
  if (every_minute && every_hour) return every_second ? "every second" : out;
  return out + (every_hour ? " of every hour" : " of hour " + list(f.hour, 0, 23, number));
}

void add(std::string& to, const std::string& what) {
  if (!what.empty()) to += (to.empty() ? "" : ", ") + what;
}

std::string dates(const Fields& f) {
  if (f.day_any) return "";
  std::string out = list(f.day, 1, 31, ordinal);
  for (int n = 0; n <= 30; ++n) {
    if (!(f.before_last >> n & 1)) continue;
    add(out, n == 0 ? "last day of the month"
                    : number(n) + (n == 1 ? " day" : " days") + " before the last of the month");
  }
  for (int n = 0; n <= 31; ++n) {
    if (!(f.workday >> n & 1)) continue;
    add(out, n == 0 ? "last working day (Monday to Friday) of the month"
                    : "working day (Monday to Friday) nearest to the " + ordinal(n));
  }
  return "on the " + out;
}

std::string weekdays(const Fields& f) {
  std::string out = list(f.weekday, 0, 6, day_name);
  for (int bit = 0; bit < 42; ++bit) {
    if (!(f.nth >> bit & 1)) continue;
    add(out, (bit < 7 ? "last" : ordinal(bit / 7)) + " " + day_name(bit % 7) + " of the month");
  }
  return out;
}

}  // namespace

std::string describe(const Fields& f) {
  std::string out = time_of(f);
  const std::string days = dates(f);
  const bool only_nth = f.weekday == 0;
  std::string week;
  if (!f.weekday_any)
    week = (f.day_any     ? (only_nth ? "on the " : "on ")
            : f.both_days ? (only_nth ? "if it is the " : "if it is a ")
            : only_nth    ? "on the "
                          : "on any ") +
           weekdays(f);
  if (!days.empty()) out += ", " + days;
  if (!week.empty()) out += (days.empty() ? ", " : f.both_days ? " " : " or ") + week;
  if (std::popcount(f.month) != 12) out += ", in " + list(f.month, 1, 12, month_name);
  return out;
}

}  // namespace holdfast::cron
