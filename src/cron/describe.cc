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

std::string time_of(const Fields& f) {
  const bool every_minute = std::popcount(f.minute) == 60;
  const bool every_hour = std::popcount(f.hour) == 24;
  if (every_minute && every_hour) return "every minute";
  if (std::popcount(f.minute) == 1 && !every_hour && std::popcount(f.hour) <= 4) {
    const int minute = std::countr_zero(f.minute);
    std::string out = "at ";
    for (int h = 0; h < 24; ++h)
      if (f.hour >> h & 1) out += (out.size() > 3 ? ", " : "") + two_digits(h) + ":" + two_digits(minute);
    return out;
  }
  std::string out = every_minute ? "every minute" : "at minute " + list(f.minute, 0, 59, number);
  return out + (every_hour ? " of every hour" : " of hour " + list(f.hour, 0, 23, number));
}

}  // namespace

std::string describe(const Fields& f) {
  std::string out = time_of(f);
  const std::string days = f.day_any ? "" : "on the " + list(f.day, 1, 31, ordinal);
  const std::string weekdays = f.weekday_any ? ""
                                             : (f.day_any     ? "on "
                                                : f.both_days ? "if it is a "
                                                              : "on any ") +
                                                   list(f.weekday, 0, 6, day_name);
  if (!days.empty()) out += ", " + days;
  if (!weekdays.empty()) out += (days.empty() ? ", " : f.both_days ? " " : " or ") + weekdays;
  if (std::popcount(f.month) != 12) out += ", in " + list(f.month, 1, 12, month_name);
  return out + " UTC";
}

}  // namespace holdfast::cron
