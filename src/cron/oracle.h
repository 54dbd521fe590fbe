// For tests: schedules found the slow way, a minute at a time, by libc's own reading of the zones. Shares
// nothing with the parser and the search but the rules (docs/schedules.md).
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace holdfast::cron::oracle {

using Minute = std::int64_t;  // since 1970, by a clock of UTC or of a zone

// What one zone's clock shows at every minute from `begin` to `end`, and the days that it can show.
class Clock {
 public:
  Clock(const std::string& zone, Minute begin, Minute end);

  struct Day {
    int month = 0, day = 0, weekday = 0, length = 0;  // length: of its month
  };
  [[nodiscard]] const Day& day_of(Minute local) const;
  [[nodiscard]] Minute begin() const { return begin_; }
  [[nodiscard]] const std::vector<Minute>& shown() const { return shown_; }
  // When the clock is set.
  [[nodiscard]] const std::vector<Minute>& changes() const { return changes_; }

 private:
  Minute begin_, first_day_ = 0;
  std::vector<Minute> shown_;
  std::vector<Minute> changes_;
  std::vector<Day> days_;
};

// A schedule of five fields as sets, and as text.
class Schedule {
 public:
  explicit Schedule(std::mt19937_64& random);

  [[nodiscard]] std::string text() const;
  // All instants of the clock's span, in order.
  [[nodiscard]] std::vector<Minute> instants(const Clock& clock) const;

 private:
  struct Field {
    std::string text = "*";
    std::vector<bool> allowed;  // by value
    bool interval = false;      // *, a step
  };
  struct Date {
    char kind = 'd';  // d: n; L: n days before the last; W: the weekday nearest to n, 0 for the last
    int n = 0;
  };
  struct Weekday {
    int weekday = 0, nth = -1;  // nth: -1 all, 0 the last, else the nth
  };
  static Field values(std::mt19937_64& random, int lo, int hi, bool steps);
  void choose_dates(std::mt19937_64& random);
  void choose_weekdays(std::mt19937_64& random);
  [[nodiscard]] bool allows(const Clock::Day& day) const;
  [[nodiscard]] bool allows(const Clock& clock, Minute local) const;

  Field minute_, hour_, month_;
  std::string dates_text_ = "*", weekdays_text_ = "*";
  std::vector<Date> dates_;        // none: *
  std::vector<Weekday> weekdays_;  // none: *
  bool both_ = false;
};

}  // namespace holdfast::cron::oracle
