#include "schedule/planner.h"

#include <gtest/gtest.h>

namespace holdfast::schedule {
namespace {

using namespace std::chrono_literals;

SystemTime at(std::chrono::seconds s) { return SystemTime(1'800'000'000s + s); }
std::vector<cron::Expression> every(const char* text) { return {*cron::Expression::parse(text)}; }

TEST(Planner, pops_all_that_is_due_oldest_first) {
  Planner planner;
  planner.add(every("every 10s"), at(0s));
  planner.add(every("every 4s"), at(0s));
  EXPECT_EQ(planner.earliest(), at(4s));
  EXPECT_TRUE(planner.pop(at(3s)).empty());
  EXPECT_EQ(planner.pop(at(4s)).size(), 1U);
  EXPECT_EQ(planner.pop(at(8s)).size(), 1U);
  EXPECT_EQ(planner.earliest(), at(10s));
}

TEST(Planner, a_late_wake_gives_the_newest_instant_and_counts_the_others) {
  Planner planner;
  planner.add(every("every 10s"), at(0s));
  const auto due = planner.pop(at(45s));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].due.at, at(40s));
  EXPECT_EQ(due[0].missed.count, 3);
  EXPECT_EQ(due[0].missed.first, at(10s));
  EXPECT_EQ(due[0].missed.last, at(30s));
  EXPECT_EQ(planner.earliest(), at(50s));
}

TEST(Planner, however_late_the_wake_no_instant_is_left_out) {
  Planner planner;
  const auto job = planner.add(every("every 1s"), at(0s));
  const auto year = std::chrono::days(365);
  const auto all = planner.between(job, at(0s), at(year));
  EXPECT_EQ(all.first, at(1s));
  EXPECT_EQ(all.last, at(year));
  EXPECT_TRUE(all.count == Planner::Instants::kMostCounted && all.more);
  const auto counted = planner.between(job, at(0s), at(10'000s));
  EXPECT_TRUE(counted.count == 10'000 && !counted.more);
  const auto due = planner.pop(at(year));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].due.at, at(year));
  EXPECT_EQ(due[0].missed.first, at(1s));
  EXPECT_EQ(due[0].missed.last, at(year - 1s));
  EXPECT_EQ(planner.earliest(), at(year + 1s));
}

// Whatever the distances between instants, the halves find the same last one as steps do.
TEST(Planner, the_newest_instant_is_that_which_stepping_finds) {
  for (const char* text : {"every 7s", "*/5 3 * * *", "0 0 29 2 *", "* 0-6 * 1-6 MON"}) {
    Planner planner;
    const auto expression = *cron::Expression::parse(text);
    const auto job = planner.add({expression}, at(0s));
    std::optional<SystemTime> last;
    for (auto next = expression.next(at(0s)); next && *next <= at(std::chrono::days(40));
         next = expression.next(*next))
      last = next;
    const auto found = planner.between(job, at(0s), at(std::chrono::days(40)));
    EXPECT_EQ(found.count > 0, last.has_value()) << text;
    if (last) EXPECT_EQ(found.last, *last) << text;
  }
}

TEST(Planner, replanning_drops_the_old_entry) {
  Planner planner;
  const auto job = planner.add(every("every 10s"), at(0s));
  planner.replan(job, at(100s));
  EXPECT_EQ(planner.earliest(), at(110s));
}

TEST(Planner, what_is_not_there_yet_is_said) {
  config::Job job;
  job.schedules = {"every 1m"};
  EXPECT_FALSE(unsupported(job));
  job.unusable = "overlap: queue is not served by this version";
  EXPECT_TRUE(unsupported(job));
  job.unusable.clear();
  job.timezone = "Europe/Berlin";
  EXPECT_FALSE(unsupported(job));
  job.timezone = "Europe/Berlln";
  EXPECT_EQ(unsupported(job), "unknown time zone \"Europe/Berlln\"; did you mean Europe/Berlin?");
  job.timezone.clear();
  for (const char* text : {"@reboot", "@start", "every 10m after end"}) {
    job.schedules = {text};
    EXPECT_TRUE(unsupported(job).value_or("").contains("not supported yet in this version")) << text;
  }
}

TEST(Planner, a_job_is_due_by_the_clock_of_its_zone_and_the_hash_of_its_name) {
  config::Job job;
  job.name = "nightly-report";
  job.default_timezone = "Asia/Tokyo";
  const auto due = [&](const char* text) {
    const auto read = read_schedule(job, text);
    return read ? read->format(*read->next(at(0s))) : read.error().message;
  };
  EXPECT_EQ(zone_of(job), "Asia/Tokyo");
  EXPECT_EQ(due("H H * * *"), "2027-01-16T12:28:00+09:00");
  EXPECT_EQ(due("TZ=Europe/Berlin 0 9 * * *"), "2027-01-16T09:00:00+01:00");
  job.hash_seed = "backup";
  job.timezone = "Europe/Berlin";
  EXPECT_EQ(due("H H * * *"), "2027-01-15T22:25:00+01:00");
  EXPECT_NE(due("TZ=Europe/Berlin 0 9 * * *").find("beside"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::schedule
