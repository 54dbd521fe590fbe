#include "cron/oracle.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

namespace holdfast::cron::oracle {

namespace {

constexpr Minute kDay = 24 * 60;
constexpr std::array<const char*, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

int between(std::mt19937_64& random, int lo, int hi) {
  return lo + static_cast<int>(random() % static_cast<std::uint64_t>(hi - lo + 1));
}
bool chance(std::mt19937_64& random, int of) { return random() % static_cast<std::uint64_t>(of) == 0; }

// The local time, read as if it were UTC's.
Minute shown_at(Minute utc) {
  const std::time_t seconds = utc * 60;
  std::tm tm{};
  ::localtime_r(&seconds, &tm);
  return ::timegm(&tm) / 60;
}

Clock::Day civil_day(Minute day) {
  const std::time_t seconds = day * 86'400;
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  std::tm after{};
  after.tm_year = tm.tm_year;
  after.tm_mon = tm.tm_mon + 1;
  after.tm_mday = 0;  // the last of this month
  (void)::timegm(&after);
  return {tm.tm_mon + 1, tm.tm_mday, tm.tm_wday, after.tm_mday};
}

// The weekday nearest to `n` by looking at the days around it, without leaving the month.
int workday(const Clock::Day& day, int n) {
  const auto works = [&](int other) {
    const int weekday = ((day.weekday + other - day.day) % 7 + 7) % 7;
    return other >= 1 && other <= day.length && weekday >= 1 && weekday <= 5;
  };
  for (const int distance : {0, -1, 1, -2, 2})
    if (works(n + distance)) return n + distance;
  return 0;
}

}  // namespace

Clock::Clock(const std::string& zone, Minute begin, Minute end) : begin_(begin) {
  ::setenv("TZ", (":" + zone).c_str(), 1);
  ::tzset();
  for (Minute utc = begin; utc < end; ++utc) {
    shown_.push_back(shown_at(utc));
    if (shown_.size() > 1 && shown_.back() != shown_[shown_.size() - 2] + 1) changes_.push_back(utc);
  }
  ::unsetenv("TZ");
  ::tzset();
  first_day_ = begin / kDay - 2;
  for (Minute day = first_day_; day <= end / kDay + 2; ++day) days_.push_back(civil_day(day));
}

const Clock::Day& Clock::day_of(Minute local) const {
  return days_.at(static_cast<std::size_t>(local / kDay - first_day_));
}

Schedule::Field Schedule::values(std::mt19937_64& random, int lo, int hi, bool steps) {
  Field field;
  field.allowed.resize(static_cast<std::size_t>(hi + 1));
  const auto allow = [&](int v) { field.allowed[static_cast<std::size_t>(v)] = true; };
  const int size = hi - lo + 1;
  const int shape = between(random, 0, steps ? 4 : 3);
  if (shape == 0) {
    for (int v = lo; v <= hi; ++v) allow(v);
    field.interval = true;
  } else if (shape == 4) {
    const int step = between(random, 1, size - 1);
    const int from = chance(random, 2) ? lo : between(random, lo, hi - 1);
    const int most = std::max(hi - from, 1);
    const int by = std::min(step, most);
    for (int v = from; v <= hi; v += by) allow(v);
    field.text = (from == lo ? "*" : std::to_string(from)) + "/" + std::to_string(by);
    field.interval = true;
  } else if (shape == 3) {  // a range, maybe around the end; never a full one
    const int from = between(random, lo, hi), count = between(random, 2, size - 1);
    for (int i = 0; i < count; ++i) allow(lo + (from - lo + i) % size);
    field.text = std::to_string(from) + "-" + std::to_string(lo + (from - lo + count - 1) % size);
  } else {
    field.text.clear();
    for (int n = between(random, 1, 3); n > 0; --n) {
      const int v = between(random, lo, hi);
      allow(v);
      field.text += (field.text.empty() ? "" : ",") + std::to_string(v);
    }
  }
  return field;
}

void Schedule::choose_dates(std::mt19937_64& random) {
  dates_text_.clear();
  for (int n = between(random, 1, 3); n > 0; --n) {
    Date date{"dddLW"[random() % 5], 0};
    std::string text;
    if (date.kind == 'd') text = std::to_string(date.n = between(random, 1, 28));
    if (date.kind == 'L') date.n = between(random, 0, 5);
    if (date.kind == 'L') text = date.n == 0 ? "L" : "L-" + std::to_string(date.n);
    if (date.kind == 'W') date.n = between(random, 0, 28);
    if (date.kind == 'W') text = date.n == 0 ? "LW" : std::to_string(date.n) + "W";
    dates_.push_back(date);
    dates_text_ += (dates_text_.empty() ? "" : ",") + text;
  }
}

void Schedule::choose_weekdays(std::mt19937_64& random) {
  weekdays_text_.clear();
  for (int n = between(random, 1, 2); n > 0; --n) {
    const Weekday weekday{between(random, 0, 6), chance(random, 2) ? -1 : between(random, 0, 4)};
    weekdays_.push_back(weekday);
    weekdays_text_ += weekdays_text_.empty() ? "" : ",";
    weekdays_text_ += kWeekdays[static_cast<std::size_t>(weekday.weekday)];
    if (weekday.nth == 0) weekdays_text_ += "L";
    if (weekday.nth > 0) weekdays_text_ += "#" + std::to_string(weekday.nth);
  }
}

Schedule::Schedule(std::mt19937_64& random)
    : minute_(values(random, 0, 59, true)),
      // Most of it at the hours in which clocks are set.
      hour_(chance(random, 2) ? values(random, 0, 23, true) : values(random, 0, 3, false)),
      month_(values(random, 1, 12, false)) {
  if (hour_.allowed.size() == 4) {  // of 0 to 3
    const bool all = std::ranges::all_of(hour_.allowed, [](bool b) { return b; });
    if (hour_.text == "*") hour_.text = "0-3";
    if (all && hour_.text != "0-3") hour_.text = "0,1,2,3";
    if (hour_.text.contains('-') && !all) {  // around 3 is not around 23
      hour_.text.clear();
      for (std::size_t v = 0; v < 4; ++v)
        if (hour_.allowed[v]) hour_.text += (hour_.text.empty() ? "" : ",") + std::to_string(v);
    }
    hour_.interval = false;
    hour_.allowed.resize(24);
  }
  if (chance(random, 2)) month_ = {"*", std::vector<bool>(13, true), true};
  if (chance(random, 3)) choose_dates(random);
  if (chance(random, 3)) choose_weekdays(random);
  both_ = !dates_.empty() && !weekdays_.empty() && chance(random, 2);
}

std::string Schedule::text() const {
  return minute_.text + " " + hour_.text + " " + dates_text_ + " " + month_.text + " " + (both_ ? "+" : "") +
         weekdays_text_;
}

bool Schedule::allows(const Clock::Day& day) const {
  if (!month_.allowed[static_cast<std::size_t>(day.month)]) return false;
  const bool date = std::ranges::any_of(dates_, [&](const Date& d) {
    if (d.kind == 'd') return day.day == d.n;
    if (d.kind == 'L') return day.day == day.length - d.n;
    return day.day == workday(day, d.n == 0 ? day.length : d.n);
  });
  const bool weekday = std::ranges::any_of(weekdays_, [&](const Weekday& w) {
    const bool last = day.day + 7 > day.length;
    return day.weekday == w.weekday && (w.nth < 0 || (w.nth == 0 ? last : (day.day - 1) / 7 + 1 == w.nth));
  });
  if (dates_.empty()) return weekdays_.empty() || weekday;
  if (weekdays_.empty()) return date;
  return both_ ? date && weekday : date || weekday;
}

bool Schedule::allows(const Clock& clock, Minute local) const {
  return minute_.allowed[static_cast<std::size_t>(local % 60)] &&
         hour_.allowed[static_cast<std::size_t>(local / 60 % 24)] && allows(clock.day_of(local));
}

std::vector<Minute> Schedule::instants(const Clock& clock) const {
  std::vector<Minute> out;
  const auto& shown = clock.shown();
  const bool interval = minute_.interval || hour_.interval;
  Minute newest = shown.front() - 1;  // every minute up to it has been shown or skipped
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Minute skipped = shown[i] - newest - 1;
    bool due = false;
    if (interval) {
      due = allows(clock, shown[i]);
    } else {
      for (Minute local = newest + 1; local < shown[i] && skipped < kDay; ++local)
        due |= allows(clock, local);
      if (shown[i] > newest) due |= allows(clock, shown[i]);
    }
    newest = std::max(newest, shown[i]);
    if (due) out.push_back(clock.begin() + static_cast<Minute>(i));
  }
  return out;
}

}  // namespace holdfast::cron::oracle
