// The search against the oracle: random schedules, in zones whose clocks do odd things, over years in which
// they did. HOLDFAST_CRON_WHOLE=1: 50 zones by 20 years; HOLDFAST_CRON_SEED: another seed.
#include "cron/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "cron/expression.h"

namespace holdfast::cron {
namespace {

using namespace std::chrono;
using oracle::Minute;

constexpr Minute kDay = 24 * 60;

SystemTime instant(Minute minute) { return SystemTime(minutes(minute)); }
Minute first_of(int y) {
  return duration_cast<minutes>(sys_days(year(y) / 1 / 1).time_since_epoch()).count();
}

// In each of them something is odd: half an hour, midnight, two hours, a day that never was, Ramadan, :45,
// :01.
constexpr const char* kZones[] = {"America/New_York",
                                  "Europe/Berlin",
                                  "Australia/Lord_Howe",
                                  "Antarctica/Troll",
                                  "Africa/Cairo",
                                  "Asia/Beirut",
                                  "America/Havana",
                                  "America/Santiago",
                                  "Atlantic/Azores",
                                  "America/Sao_Paulo",
                                  "Asia/Tehran",
                                  "Africa/Casablanca",
                                  "Pacific/Chatham",
                                  "America/St_Johns",
                                  "Pacific/Apia",
                                  "Pacific/Kiritimati",
                                  "America/Nuuk",
                                  "Asia/Kathmandu",
                                  "Europe/London",
                                  "Europe/Dublin",
                                  "America/Caracas",
                                  "Asia/Pyongyang",
                                  "Asia/Gaza",
                                  "Asia/Amman",
                                  "Asia/Damascus",
                                  "America/Asuncion",
                                  "Pacific/Easter",
                                  "Pacific/Fiji",
                                  "Pacific/Tongatapu",
                                  "Africa/Windhoek",
                                  "Asia/Kolkata",
                                  "Asia/Tokyo",
                                  "Australia/Adelaide",
                                  "Australia/Sydney",
                                  "America/Los_Angeles",
                                  "America/Mexico_City",
                                  "America/Scoresbysund",
                                  "Europe/Lisbon",
                                  "Europe/Moscow",
                                  "Europe/Istanbul",
                                  "Asia/Jerusalem",
                                  "Asia/Baku",
                                  "Asia/Yerevan",
                                  "Asia/Ulaanbaatar",
                                  "Africa/Tripoli",
                                  "Africa/Juba",
                                  "America/Port-au-Prince",
                                  "America/Miquelon",
                                  "Pacific/Norfolk",
                                  "Asia/Karachi"};
// What clocks did there then should be looked at every time.
struct Span {
  const char* zone;
  int year;
};
constexpr Span kAlways[] = {{"America/New_York", 2026}, {"Australia/Lord_Howe", 2026},
                            {"Pacific/Apia", 2011},     {"Pacific/Kiritimati", 1994},
                            {"America/Havana", 2025},   {"Africa/Casablanca", 2024}};

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Comparison {
 public:
  Comparison(Span span, std::mt19937_64& random)
      : span_(span),
        random_(random),
        begin_(first_of(span.year)),
        end_(first_of(span.year + 1)),
        clock_(span.zone, begin_ - 2 * kDay, end_ + 2 * kDay) {}

  // The number of instants compared. 0: no instant of that schedule is in this year.
  std::size_t compare(const oracle::Schedule& schedule) const {
    const std::string text = schedule.text();
    const auto parsed = Expression::parse(text, {.timezone = span_.zone});
    if (!parsed) {
      EXPECT_TRUE(parsed.error().message.contains("does not exist in any year"))
          << text << ": " << parsed.error().message;
      return 0;
    }
    const auto right = schedule.instants(clock_);
    std::size_t compared = 0;
    // Step by step as long as there are few, and from moments anywhere and where the clock is set.
    for (Minute from = begin_; compared < 400 && from < end_; ++compared) {
      const Minute next = expect_next(*parsed, text, right, from);
      if (next < 0) return compared;
      from = next;
    }
    for (int i = 0; i < 400; ++i, ++compared)
      if (expect_next(*parsed, text, right, moment(i)) < 0) return compared;
    return compared;
  }

 private:
  // Anywhere in the span, and mostly where the clock is set: within a day, or within hours.
  Minute moment(int i) const {
    const auto below = [&](auto n) { return static_cast<Minute>(random_() % static_cast<std::uint64_t>(n)); };
    if (i % 10 == 0 || clock_.changes().empty()) return begin_ + below(end_ - begin_);
    const Minute around = i % 2 == 0 ? 1500 : 100;
    const Minute change = clock_.changes()[static_cast<std::size_t>(below(clock_.changes().size()))];
    return std::clamp(change - around + below(2 * around), begin_, end_ - 1);
  }

  // The right one; the end if there is none in the span; -1: they differ.
  Minute expect_next(const Expression& expression, const std::string& text, const std::vector<Minute>& right,
                     Minute from) const {
    const auto found = expression.next(instant(from));
    const auto expected = std::ranges::upper_bound(right, from);
    const bool none = expected == right.end();
    const Minute wanted = none ? end_ + kDay : *expected;
    if (none ? !found || *found >= instant(wanted) : found == instant(wanted)) return wanted;
    ADD_FAILURE() << text << " in " << span_.zone << " after " << expression.format(instant(from)) << ": "
                  << (found ? expression.format(*found) : "never") << ", but "
                  << (none ? "none in this span" : expression.format(instant(wanted)));
    return -1;
  }

  Span span_;
  std::mt19937_64& random_;
  Minute begin_, end_;
  oracle::Clock clock_;
};

TEST(Oracle, finds_the_same_instants_a_minute_at_a_time) {
  const auto seed = number_of("HOLDFAST_CRON_SEED", 20261123);
  std::mt19937_64 random(seed);
  std::vector<Span> spans;
  if (number_of("HOLDFAST_CRON_WHOLE", 0) != 0) {
    for (const char* zone : kZones)
      for (int y = 2008; y < 2028; ++y) spans.push_back({zone, y});
  } else {
    spans.assign(std::begin(kAlways), std::end(kAlways));
    for (int i = 0; i < 4; ++i)
      spans.push_back({kZones[random() % std::size(kZones)], 1990 + static_cast<int>(random() % 47)});
  }
  std::size_t compared = 0, schedules = 0;
  for (const Span span : spans) {
    const Comparison comparison(span, random);
    for (int i = 0; i < 20; ++i, ++schedules) compared += comparison.compare(oracle::Schedule(random));
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", " << span.zone << " " << span.year;
  }
  std::cout << "oracle: " << spans.size() << " zones and years, " << schedules << " schedules, " << compared
            << " instants, seed " << seed << "\n";
  EXPECT_GT(compared, 1000 * spans.size());
}

}  // namespace
}  // namespace holdfast::cron
