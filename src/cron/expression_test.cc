#include "cron/expression.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace holdfast::cron {
namespace {

using nlohmann::json;
using namespace std::chrono;

// "2026-11-23T12:34:56.5Z" or with an offset.
SystemTime at(const std::string& text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, read = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d%n", &y, &mo, &d, &h, &mi, &s, &read), 6) << text;
  SystemTime out = sys_days(year(y) / mo / d) + hours(h) + minutes(mi) + seconds(s);
  std::string rest = text.substr(static_cast<std::size_t>(read));
  if (rest.starts_with('.')) {
    const auto digits = rest.find_first_not_of("0123456789", 1);
    out += nanoseconds(static_cast<long long>(std::stod("0" + rest.substr(0, digits)) * 1e9));
    rest = rest.substr(std::min(digits, rest.size()));
  }
  char sign = 0;
  if (std::sscanf(rest.c_str(), "%c%d:%d", &sign, &h, &mi) == 3)
    out -= (sign == '-' ? -1 : 1) * (hours(h) + minutes(mi));
  return out;
}

std::string zone_database() {
  std::ifstream list("/usr/share/zoneinfo/tzdata.zi");
  std::string line;
  return std::getline(list, line) ? line : "# unknown version";
}

void expect_error(const json& vector, const std::string& text) {
  const auto parsed = Expression::parse(text);
  if (parsed) {
    ADD_FAILURE() << text << " was accepted: " << vector["reason"];
    return;
  }
  EXPECT_EQ(parsed.error().column, vector["error_at_column"].get<int>())
      << text << ": " << parsed.error().message << " / " << vector["reason"];
}

void expect_next(const json& vector, const std::string& text) {
  const std::string zone = vector.value("tz", ""), seed = vector.value("seed", "");
  const auto parsed = Expression::parse(text, {.timezone = zone, .seed = seed});
  if (!parsed) {
    ADD_FAILURE() << text << ": " << parsed.error().column << " " << parsed.error().message;
    return;
  }
  SystemTime now = at(vector["from"].get<std::string>());
  for (const json& expected : vector["next"]) {
    const auto next = parsed->next(now);
    ASSERT_TRUE(next) << text << " " << zone;
    EXPECT_EQ(parsed->format(*next), expected.get<std::string>())
        << text << " " << zone << " after " << parsed->format(now) << "; " << vector["note"] << "; database "
        << zone_database();
    now = at(expected.get<std::string>());
  }
}

TEST(Expression, agrees_with_every_vector) {
  std::ifstream file(HOLDFAST_CRON_VECTORS);
  ASSERT_TRUE(file) << HOLDFAST_CRON_VECTORS;
  const json all = json::parse(file);
  ASSERT_EQ(all["format"], 1);
  int instants = 0, errors = 0;
  for (const json& vector : all["vectors"]) {
    const auto text = vector["expr"].get<std::string>();
    if (vector.contains("error_at_column")) {
      ++errors;
      expect_error(vector, text);
    } else {
      ++instants;
      expect_next(vector, text);
    }
  }
  EXPECT_EQ(instants, 244);
  EXPECT_EQ(errors, 75);
}

TEST(Expression, a_period_below_a_second_is_refused) {
  const auto parsed = Expression::parse("every 500ms");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message, "the period must be 1s to 366d");
}

// What is wrong with `text`, and what is advised.
std::string fault(const std::string& text, const Context& context = {}) {
  const auto parsed = Expression::parse(text, context);
  if (parsed) return "accepted";
  const auto& error = parsed.error();
  return std::to_string(error.column) + ": " + error.message + (error.hint.empty() ? "" : " / " + error.hint);
}

TEST(Expression, hints_help_with_usual_mistakes) {
  EXPECT_EQ(fault("0 24 * * *"), "3: hour 24 is out of range 0-23 / midnight is hour 0");
  EXPECT_EQ(fault("60 * * * *"), "1: minute 60 is out of range 0-59 / the full hour is minute 0");
  EXPECT_EQ(fault("0 0 * * 8"), "9: day-of-week 8 is out of range 0-7 / Sunday is 0 or 7, Monday is 1");
  EXPECT_EQ(fault("* * * * MONDAY"),
            "9: day-of-week: \"MONDAY\" is not a value / names have three letters: MON");
  EXPECT_EQ(fault("0 0 * * L"),
            "9: day-of-week: L needs a day before it (FRIL or 5L) / the last day of the month is L in "
            "day-of-month");
  EXPECT_EQ(fault("30 7 * * MON-FRI *"),
            "10: month: \"MON\" is not a value / with six fields the seconds come first: second minute hour "
            "day-of-month month day-of-week");
  EXPECT_TRUE(
      fault("0 0 1 1 * * 2027").ends_with("/ there is no field for a year; at 2027-01-01T00:00 runs once"));
  EXPECT_TRUE(fault("@dayly").ends_with("/ did you mean @daily?"));
}

TEST(Expression, hashed_ranges_and_special_days_are_refused_where_they_are_wrong) {
  EXPECT_EQ(fault("H(5 * * * *"), "2: minute: H takes a range, such as H(0-5)");
  EXPECT_EQ(fault("H() * * * *"), "2: minute: H takes a range, such as H(0-5)");
  EXPECT_EQ(fault("H(1-5)x * * * *"), "2: minute: H takes a range, such as H(0-5)");
  EXPECT_EQ(fault("0 0 L/2 * *"), "7: day-of-month: \"L\" takes no step");
  EXPECT_EQ(fault("0 0 * * 5#2/2"), "13: day-of-week: \"5#2\" takes no step");
  EXPECT_EQ(fault("0 0 0W * *"), "5: day-of-month 0 is out of range 1-31");
}

TEST(Expression, zones_are_known_by_name) {
  EXPECT_EQ(fault("0 0 * * *", {.timezone = "Europe/Berlln"}),
            "0: unknown time zone \"Europe/Berlln\"; did you mean Europe/Berlin?");
  EXPECT_EQ(fault("0 0 * * *", {.timezone = "tokyo"}),
            "0: unknown time zone \"tokyo\"; did you mean Asia/Tokyo?");
  EXPECT_EQ(fault("TZ=Mars/Base 0 0 * * *"),
            "4: unknown time zone \"Mars/Base\"; expected a name such as Europe/Berlin");
  EXPECT_EQ(fault("TZ=UTC 0 0 * * *", {.timezone = "UTC"}),
            "1: a time zone inside the schedule, and `timezone` beside it / keep one");
  EXPECT_EQ(fault("CRON_TZ=Asia/Tokyo"),
            "19: the schedule is empty / for example 0 7 * * MON-FRI, or every 10m");
  EXPECT_EQ(fault("TZ=Asia/Tokyo 0 25 * * *"), "17: hour 25 is out of range 0-23");
  EXPECT_EQ(Expression::parse("CRON_TZ=Asia/Tokyo 0 0 * * *")->zone(), "Asia/Tokyo");
  EXPECT_EQ(Expression::parse("0 0 * * *", {.default_zone = "Asia/Tokyo"})->zone(), "Asia/Tokyo");
  // What the library would take for a name.
  for (const char* name : {"localtime", "/etc/localtime", "../zoneinfo/UTC", "libc:localtime", "file:UTC",
                           "Europe", "posix/../UTC", "zone.tab", "Europe/Berlin "})
    EXPECT_TRUE(fault("0 0 * * *", {.timezone = name}).starts_with("0: unknown time zone")) << name;
  EXPECT_TRUE(fault("TZ= 0 0 * * *").starts_with("4: unknown time zone"));
}

TEST(Expression, at_is_once) {
  const auto next = [](const std::string& text, const std::string& from) {
    const auto parsed = Expression::parse(text, {.timezone = "Europe/Berlin"});
    if (!parsed) return fault(text, {.timezone = "Europe/Berlin"});
    const auto due = parsed->next(at(from));
    return due ? parsed->format(*due) : std::string("never");
  };
  for (const char* text : {"at 2026-12-24T18:00:00+01:00", "at 2026-12-24T17:00:00Z", "at 2026-12-24 18:00",
                           "AT 2026-12-24t18:00:00.5", "at 2026-12-24T12:30:00-04:30"})
    EXPECT_EQ(next(text, "2026-01-01T00:00:00Z"), "2026-12-24T18:00:00+01:00") << text;
  EXPECT_EQ(next("at 2026-12-24 18:00", "2026-12-24T17:00:00Z"), "never");
  EXPECT_EQ(next("at 2026-03-29 02:30", ""),
            "4: the clocks of Europe/Berlin skip this time: 2026-03-29T01:59:59+01:00 is followed by "
            "2026-03-29T03:00:00+02:00 / write the one that is meant, with its offset");
  EXPECT_EQ(next("at 2026-10-25 02:30", ""),
            "4: the clocks of Europe/Berlin show this time twice: 2026-10-25T02:30:00+02:00 and "
            "2026-10-25T02:30:00+01:00 / write the one that is meant, with its offset");
  EXPECT_EQ(fault("at 2026-02-29 12:00"), "4: there is no 2026-02-29");
  EXPECT_TRUE(fault("at 2026-2-9 12:00").starts_with("4: \"2026-2-9\" is not a date"));
  EXPECT_TRUE(fault("at 2026-12-24 25:00").starts_with("15: \"25:00\" is not a time"));
  EXPECT_TRUE(fault("at 2026-12-24").starts_with("14: the time is missing"));
  EXPECT_TRUE(fault("at").starts_with("3: a date and a time are missing"));
  EXPECT_EQ(fault("at 2026-12-24 18:00 sharp"), "21: nothing may follow the time");
  EXPECT_TRUE(fault("in 20m").starts_with("1: `in` would count"));
}

TEST(Expression, every_has_a_phase_or_follows_the_end_of_a_run) {
  const auto parsed = Expression::parse("every 1h phase 5m");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->format(*parsed->next(at("2026-01-01T00:05:00Z"))), "2026-01-01T01:05:00Z");
  EXPECT_EQ(parsed->format(*parsed->next(at("2026-01-01T00:04:59Z"))), "2026-01-01T00:05:00Z");
  EXPECT_EQ(fault("every 1h phase 60m"), "16: the phase must be shorter than the period");
  EXPECT_EQ(fault("every 1h phase"), "15: a duration such as 5m is missing after phase");
  EXPECT_EQ(fault("every 1h after lunch"), "16: after is followed by end");
  const auto poller = Expression::parse("every 30s after end");
  ASSERT_TRUE(poller);
  EXPECT_FALSE(poller->next(at("2026-01-01T00:00:00Z")));
  for (const char* text : {"every 30s after end", "@reboot", "@start"})
    EXPECT_NE(Expression::parse(text)->without_instants(), "") << text;
  EXPECT_EQ(Expression::parse("every 30s")->without_instants(), "");
}

TEST(Expression, plain_words_are_the_cron_that_they_stand_for) {
  const std::pair<const char*, const char*> pairs[] = {
      {"every day at 07:30", "30 7 * * *"},
      {"every weekday at 7:30", "30 7 * * MON-FRI"},
      {"every monday, thursday at 18:00", "0 18 * * MON,THU"},
      {"Every Monday,Thursday at 18:00", "0 18 * * MON,THU"},
      {"every month on the 1st at 8:00", "0 8 1 * *"},
      {"every month on the 22nd at 8:00", "0 8 22 * *"},
      {"every month on the last day at 8:00", "0 8 L * *"},
      {"every month on the last friday at 8:00", "0 8 * * FRIL"},
  };
  for (const auto& [words, cron] : pairs) {
    const auto read = Expression::parse(words);
    ASSERT_TRUE(read) << words << ": " << fault(words);
    EXPECT_EQ(read->describe(), Expression::parse(cron)->describe());
  }
  EXPECT_TRUE(fault("every monday or thursday at 18:00").starts_with("14: \"or\" is not a weekday"));
  EXPECT_TRUE(fault("every month at 8:00").starts_with("13: month is followed by on the"));
  EXPECT_TRUE(fault("every month on the 2th at 8:00").starts_with("20: \"2th\" is not a day of the month"));
  EXPECT_TRUE(fault("every day").starts_with("10: the time is missing"));
  EXPECT_TRUE(fault("every day at noon").starts_with("14: \"noon\" is not a time of day"));
  EXPECT_EQ(fault("every day at 7:30 sharp"), "19: nothing may follow the time");
}

TEST(Expression, says_how_it_was_read) {
  const std::pair<const char*, const char*> pairs[] = {
      {"0 7 * * MON-FRI", "at 07:00, on Monday to Friday UTC"},
      {"0 0 1 * MON", "at 00:00, on the 1st or on any Monday UTC"},
      {"0 0 13 * +FRI", "at 00:00, on the 13th if it is a Friday UTC"},
      {"* * * * *", "every minute UTC"},
      {"* * * * * *", "every second UTC"},
      {"30 * * * * *", "at second 30 of every minute UTC"},
      {"15 30 2 * * *", "at 02:30:15 UTC"},
      {"5/15 9-17 * * *", "at minute 5, 20, 35, 50 of hour 9 to 17 UTC"},
      {"0 0 L,15W * *",
       "at 00:00, on the last day of the month, working day (Monday to Friday) nearest to the 15th UTC"},
      {"0 0 * * FRIL,MON#2", "at 00:00, on the last Friday of the month, 2nd Monday of the month UTC"},
      {"every 90s", "every 1m30s"},
      {"every 1h phase 5m", "every 1h, phase 5m"},
      {"@start", "at every start of the gateway"},
      {"at 2026-12-24 18:00", "once, at 2026-12-24T18:00:00Z"},
  };
  for (const auto& [text, meaning] : pairs) EXPECT_EQ(Expression::parse(text)->describe(), meaning);
}

TEST(Expression, ends_with_the_time_that_can_be_told) {
  const auto last = at("2261-12-31T23:59:59Z");
  for (const char* text : {"* * * * *", "every 1s", "0 0 29 2 *"}) {
    EXPECT_FALSE(Expression::parse(text)->next(last)) << text;
    EXPECT_FALSE(Expression::parse(text)->next(SystemTime::max())) << text;
    EXPECT_FALSE(Expression::parse(text, {.timezone = "Europe/Berlin"})->next(SystemTime::max())) << text;
    EXPECT_TRUE(Expression::parse(text)->next(SystemTime::min())) << text;
  }
  // By the calendar it exists; by New York's clock, which sets itself at two, it does not.
  EXPECT_FALSE(Expression::parse("*/20 2 8-14 3 +SUN", {.timezone = "America/New_York"})
                   ->next(at("2026-01-01T00:00:00Z")));
}

TEST(Expression, warns_of_a_step_that_does_not_divide) {
  EXPECT_EQ(Expression::parse("*/45 * * * *")->warnings().size(), 1U);
  EXPECT_TRUE(Expression::parse("*/15 * * * *")->warnings().empty());
}

TEST(Expression, next_is_ordinary_work) {
  const std::pair<const char*, const char*> schedules[] = {
      {"0 9 * * MON-FRI", "UTC"},         {"0 9 * * MON-FRI", "America/New_York"},
      {"30 2 * * *", "America/New_York"}, {"*/15 * * * *", "America/New_York"},
      {"0 0 29 2 *", "America/New_York"}, {"0 0 29 2 +MON", "America/New_York"}};
  for (const auto& [text, zone] : schedules) {
    const auto parsed = Expression::parse(text, {.timezone = zone});
    constexpr int kRounds = 20'000;
    const SystemTime start = at("2026-11-23T12:00:00");
    SystemTime now = start;
    const auto begin = steady_clock::now();
    for (int i = 0; i < kRounds; ++i) now = parsed->next(now).value_or(start);
    const auto each = duration_cast<nanoseconds>(steady_clock::now() - begin) / kRounds;
    std::cout << "next: " << each.count() << " ns, " << text << " " << zone << "\n";
    EXPECT_LT(each, microseconds(200));  // 0.1 to 2; the margin is for sanitizers and busy machines
  }
}

}  // namespace
}  // namespace holdfast::cron
