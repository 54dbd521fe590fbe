#include "cron/search.h"

#include <bit>

#include "base/mutant.h"

namespace holdfast::cron {

namespace {

using namespace std::chrono;

struct Month {
  unsigned length, first_weekday;  // 0 = Sunday
  [[nodiscard]] unsigned weekday_of(unsigned day) const { return (first_weekday + day - 1) % 7; }
  [[nodiscard]] std::uint32_t all() const {
    return static_cast<std::uint32_t>(((std::uint64_t{1} << length) - 1) << 1);
  }
};

template <class Bits, class F>
void for_each_bit(Bits bits, F f) {
  for (; bits != 0; bits &= bits - 1) f(static_cast<unsigned>(std::countr_zero(bits)));
}

// The weekday (Monday to Friday) nearest to `day`, in the same month.
unsigned nearest_workday(const Month& month, unsigned day) {
  switch (month.weekday_of(day)) {
    case 0:
      return day < month.length ? day + 1 : day - 2;
    case 6:
      return day > 1 ? day - 1 : day + 2;
    default:
      return day;
  }
}

// Bit d is set if the day-of-month field allows day d.
std::uint32_t dates(const Fields& f, const Month& month) {
  std::uint32_t due = f.day & month.all();
  for_each_bit(f.before_last, [&](unsigned n) {
    if (n < month.length) due |= 1U << (month.length - n);
  });
  for_each_bit(f.workday, [&](unsigned n) {
    const unsigned day = n == 0 ? month.length : n;
    if (day <= month.length) due |= 1U << nearest_workday(month, day);
  });
  return due;
}

// Bit d is set if the day-of-week field allows day d.
std::uint32_t weekdays(const Fields& f, const Month& month) {
  // The week as it looks from the 1st, repeated over five weeks by one multiplication.
  const std::uint32_t week =
      (f.weekday >> month.first_weekday | f.weekday << (7 - month.first_weekday)) & 0x7F;
  auto due = static_cast<std::uint32_t>((std::uint64_t{week} * 0x10204081ULL) << 1);
  for_each_bit(f.nth, [&](unsigned bit) {
    const unsigned n = bit / 7;
    const unsigned first = 1 + (bit % 7 + 7 - month.first_weekday) % 7;
    const unsigned last = first + (month.length - first) / 7 * 7;
    const unsigned day = n == 0 ? last : first + (n - 1) * 7;
    if (day <= month.length) due |= 1U << day;
  });
  return due & month.all();
}

std::uint32_t due_days(const Fields& f, year_month of) {
  const Month month{static_cast<unsigned>((of / last).day()), weekday(local_days(of / day(1))).c_encoding()};
  if (f.weekday_any) return f.day_any ? month.all() : dates(f, month);
  if (f.day_any) return weekdays(f, month);
  return f.both_days ? dates(f, month) & weekdays(f, month) : dates(f, month) | weekdays(f, month);
}

seconds time_of(unsigned hour, std::uint64_t minutes_due, std::uint64_t seconds_due) {
  return hours(hour) + minutes(std::countr_zero(minutes_due)) + seconds(std::countr_zero(seconds_due));
}

// The first due time of a day, from `from` on.
std::optional<seconds> next_time(const Fields& f, seconds from) {
  const auto rest = static_cast<unsigned>(from.count());
  const unsigned hour = rest / 3600, minute = rest / 60 % 60, second = rest % 60;
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  if (f.hour >> hour & 1) {
    if (const auto left = f.second & kAll << second; left != 0 && (f.minute >> minute & 1))
      return time_of(hour, std::uint64_t{1} << minute, left);
    if (const auto left = f.minute & kAll << (minute + 1)) return time_of(hour, left, f.second);
  }
  if (const auto left = f.hour & kAll << (hour + 1))
    return time_of(static_cast<unsigned>(std::countr_zero(left)), f.minute, f.second);
  return std::nullopt;
}

local_seconds as_local(sys_seconds time) { return local_seconds(time.time_since_epoch()); }
sys_seconds as_sys(local_seconds time) { return sys_seconds(time.time_since_epoch()); }

std::optional<sys_seconds> next_fixed(const Fields& f, const Zone& zone, sys_seconds after) {
  using Kind = Zone::Reading::Kind;
  for (local_seconds from = zone.local(after) + seconds(1);;) {
    const auto local = next_local(f, from);
    if (!local) return std::nullopt;
    const auto reading = zone.read(*local);
    const bool never = reading.kind == Kind::never;
    const bool left_out = kSwitchedOff == Mechanism::end_of_the_gap ||
                          (reading.length >= days(1) && kSwitchedOff != Mechanism::days_that_never_were);
    if (reading.instant > after && !(never && left_out)) return reading.instant;
    if (kSwitchedOff == Mechanism::first_pass_only && reading.instant + reading.length > after && !never)
      return reading.instant + reading.length;
    switch (reading.kind) {  // on to what comes once again
      case Kind::once:
        from = *local + seconds(1);
        break;
      case Kind::never:
        from = zone.local(reading.change);
        break;
      case Kind::twice:
        from = zone.local(reading.change) + reading.length;
        break;
    }
  }
}

std::optional<sys_seconds> next_interval(const Fields& f, const Zone& zone, sys_seconds after) {
  for (sys_seconds from = after + seconds(1);;) {
    const seconds offset = zone.offset_at(from);
    const auto local = next_local(f, as_local(from + offset));
    if (!local) return std::nullopt;
    const sys_seconds instant = as_sys(*local) - offset;
    const auto change = zone.next_change(from);
    if (!change || instant < *change) return instant;
    // Soon after `from` the clock may be set back to before it. Later, all that it shows until it is nearly
    // `local` has been searched; offsets are less than a day.
    from = *change - from < days(2) ? *change : std::max(*change, as_sys(*local) - days(1));
  }
}

}  // namespace

std::optional<local_days> next_day(const Fields& f, local_days from, year until) {
  const year_month_day start(from);
  year_month month = start.year() / start.month();
  std::uint32_t not_before = ~std::uint32_t{0} << static_cast<unsigned>(start.day());
  while (month.year() <= until) {
    if (f.month >> static_cast<unsigned>(month.month()) & 1)
      if (const auto due = due_days(f, month) & not_before)
        return local_days(month / day(static_cast<unsigned>(std::countr_zero(due))));
    not_before = ~std::uint32_t{0};
    month += months(1);
  }
  return std::nullopt;
}

std::optional<local_seconds> next_local(const Fields& f, local_seconds from) {
  const auto today = floor<days>(from);
  auto due = next_day(f, today);
  if (due == today) {
    if (const auto time = next_time(f, from - today)) return today + *time;
    due = next_day(f, today + days(1));
  }
  if (!due) return std::nullopt;
  return *due + time_of(static_cast<unsigned>(std::countr_zero(f.hour)), f.minute, f.second);
}

std::optional<sys_seconds> next_instant(const Fields& f, const Zone& zone, sys_seconds after) {
  const bool interval = f.interval && kSwitchedOff != Mechanism::elapsed_time;
  if (!zone.is_utc()) return interval ? next_interval(f, zone, after) : next_fixed(f, zone, after);
  const auto local = next_local(f, as_local(after) + seconds(1));
  return local ? std::optional(as_sys(*local)) : std::nullopt;
}

}  // namespace holdfast::cron
