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
  EXPECT_EQ(due[0].missed, 3);
  EXPECT_EQ(due[0].first_missed, at(10s));
  EXPECT_EQ(due[0].last_missed, at(30s));
  EXPECT_EQ(planner.earliest(), at(50s));
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
  EXPECT_TRUE(unsupported(job));
}

}  // namespace
}  // namespace holdfast::schedule
