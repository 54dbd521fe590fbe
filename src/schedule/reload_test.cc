#include "schedule/fakes.h"

namespace holdfast::schedule {
namespace {

class SchedulerReload : public SchedulerTest {
 protected:
  void reload(SystemTime now) {
    const auto done = test::wait_for(loop, core->reload_at(config, now));
    ASSERT_TRUE(done) << done.error().message();
  }
  std::optional<SystemTime> next(const char* job) {
    const auto view = core->job(job);
    return view ? view->next : std::nullopt;
  }
};

TEST_F(SchedulerReload, an_unchanged_job_keeps_its_next_instant_and_its_run) {
  config.jobs["a"] = steps_job({"s__hang"});
  config.jobs["b"] = steps_job({"s__good"}, "0 0 1 1 *");
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 1; }));
  const auto a = next("a"), b = next("b");
  config.jobs["c"] = steps_job({"s__good"}, "every 30s");
  reload(kStart + 15s);
  EXPECT_EQ(next("a"), a);
  EXPECT_EQ(next("b"), b);
  EXPECT_EQ(next("c"), kStart + 30s);
  EXPECT_EQ(core->job("a")->running, 1);
  EXPECT_EQ(world.interrupted, 0);
  EXPECT_EQ(core->cancel("a", ""), 1);
  EXPECT_TRUE(until([&] { return !reports.empty(); }));
}

TEST_F(SchedulerReload, a_changed_schedule_is_planned_from_now_and_a_changed_action_is_due_as_before) {
  config.jobs["a"] = steps_job({"s__good"});
  config.jobs["b"] = steps_job({"s__good"});
  start();
  config.jobs["a"].schedules = {"every 100s"};
  config.jobs["b"].steps = steps_job({"s__bad"}).steps;
  reload(kStart + 5s);
  EXPECT_EQ(next("a"), kStart + 100s);
  EXPECT_EQ(next("b"), kStart + 10s);
  tick(kStart + 20s);
  ASSERT_FALSE(runs_of("b").empty());
  EXPECT_EQ(runs_of("b")[0].state, "failed");
  EXPECT_TRUE(runs_of("a").empty());
}

TEST_F(SchedulerReload, a_removed_job_ends_its_run_and_is_due_no_more) {
  config.jobs["a"] = steps_job({"s__hang"});
  config.jobs["b"] = steps_job({"s__good"});
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 2; }));
  const auto before = config;
  config.jobs.erase("a");
  reload(kStart + 11s);
  ASSERT_TRUE(core->job("a")) << "a run of it is under way";
  EXPECT_FALSE(next("a"));
  const auto now = test::wait_for(loop, core->run_now("a"));
  ASSERT_FALSE(now);
  EXPECT_NE(now.error().message().find("removed"), std::string::npos) << now.error().message();
  EXPECT_EQ(core->cancel("a", ""), 1);
  EXPECT_TRUE(until([&] { return !reports.empty(); }));
  EXPECT_FALSE(core->job("a"));
  tick(kStart + 20s);
  EXPECT_EQ(runs_of("b").size(), 2U);
  // Its place in the planner is taken by others, and it comes back as a new one.
  config = before;
  config.jobs["c"] = steps_job({"s__good"});
  reload(kStart + 21s);
  EXPECT_EQ(next("a"), kStart + 30s);
  EXPECT_EQ(next("c"), kStart + 30s);
  config.jobs["a"] = steps_job({"s__good"});
  reload(kStart + 22s);
  tick(kStart + 30s);
  EXPECT_EQ(runs_of("c").size(), 1U);
  EXPECT_EQ(runs_of("a").at(0).state, "ok");
}

TEST_F(SchedulerReload, what_a_tick_is_claiming_is_claimed_before) {
  config.jobs["a"] = steps_job({"s__good"});
  config.jobs["b"] = steps_job({"s__good"});
  start();
  Event slow(loop.get_executor());
  disk->slow_ = &slow;
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return disk->claims_ == 1; }));
  config.jobs.erase("a");
  std::optional<Result<void>> done;
  TaskGroup group(loop.get_executor());
  group.spawn("reload", test::store_answer(core->reload_at(config, kStart + 11s), done));
  loop.restart();
  loop.run_for(20ms);
  EXPECT_FALSE(done) << "it did not wait for the claim";
  slow.set();
  EXPECT_TRUE(until([&] { return done.has_value() && !reports.empty(); }));
  EXPECT_TRUE(*done);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].runs.size(), 2U);
  EXPECT_FALSE(core->job("a"));
}

// The timer has not been looked at yet: no instant is lost with the entry that said it.
TEST_F(SchedulerReload, what_is_due_already_runs_as_the_entries_before_said) {
  config.jobs["changed"] = steps_job({"s__good"});
  config.jobs["removed"] = steps_job({"s__good"});
  start();
  config.jobs["changed"] = steps_job({"s__bad"}, "every 100s");
  config.jobs.erase("removed");
  reload(kStart + 11s);
  ASSERT_TRUE(until([&] { return !reports.empty(); })) << "they are due no more";
  ASSERT_EQ(reports[0].runs.size(), 2U);
  for (const auto& run : reports[0].runs) {
    EXPECT_EQ(run.state, "ok") << run.job;
    EXPECT_EQ(run.scheduled_at, kStart + 10s) << run.job;
  }
  EXPECT_EQ(next("changed"), kStart + 100s);
  EXPECT_FALSE(core->job("removed"));
}

TEST_F(SchedulerReload, a_disabled_job_is_due_no_more_and_an_enabled_one_again) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  config.jobs["a"].enabled = false;
  reload(kStart + 1s);
  EXPECT_FALSE(next("a"));
  EXPECT_FALSE(core->job("a")->enabled);
  config.jobs["a"].enabled = true;
  reload(kStart + 11s);
  EXPECT_EQ(next("a"), kStart + 20s);
}

}  // namespace
}  // namespace holdfast::schedule
