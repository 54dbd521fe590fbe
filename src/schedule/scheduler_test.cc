#include <sys/resource.h>

#include "needs.h"
#include "schedule/fakes.h"

namespace holdfast::schedule {
namespace {

TEST_F(SchedulerTest, run_ends_by_return_releases_its_session) {
  config.jobs["a"] = steps_job({"s__good", "s__good"});
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(only_run("a"), "ok: ");
  EXPECT_EQ(world.calls, 2);
  EXPECT_FALSE(store::read_log(runs_of("a")[0].log, 0, 1000)->text.empty());
}

TEST_F(SchedulerTest, run_ends_by_error_releases_its_session) {
  config.jobs["a"] = steps_job({"s__bad", "s__good"});
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(only_run("a"), "failed: step 1 (s__bad): no such file");
  EXPECT_EQ(world.calls, 1);
}

TEST_F(SchedulerTest, a_result_that_is_none_fails_the_run) {
  config.jobs["a"] = steps_job({"s__sloppy", "s__good"});
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(
      only_run("a"),
      "failed: step 1 (s__sloppy): the server gave no valid result: content is not a list of parts with a "
      "type");
  EXPECT_EQ(world.calls, 1);
}

TEST_F(SchedulerTest, an_rpc_error_fails_the_run) {
  config.jobs["a"] = steps_job({"s__rpc"});
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(only_run("a"), "failed: step 1 (s__rpc): bad arguments (-32602)");
}

TEST_F(SchedulerTest, run_ends_by_timeout_releases_its_session) {
  config.jobs["a"] = steps_job({"s__hang"});
  config.jobs["a"].timeout = 30ms;
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(only_run("a"), "timeout: not done within 30ms");
  EXPECT_EQ(world.interrupted, 1);
}

TEST_F(SchedulerTest, run_ends_by_cancel_releases_its_session) {
  config.jobs["a"] = steps_job({"s__hang"});
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 1; }));
  EXPECT_EQ(core->cancel("a", ""), 1);
  EXPECT_EQ(only_run("a"), "cancelled: cancelled on request");
  EXPECT_EQ(world.interrupted, 1);
}

TEST_F(SchedulerTest, a_run_that_is_cancelled_while_its_start_is_noted_never_starts) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  Event answer(loop.get_executor());
  disk->slow_start_ = &answer;
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return disk->starts_ == 1; }));
  EXPECT_EQ(core->cancel("a", ""), 1);
  answer.set();
  EXPECT_EQ(only_run("a"), "cancelled: cancelled before it started");
  EXPECT_EQ(world.opened, 0);
}

TEST_F(SchedulerTest, a_run_now_whose_claim_outlasts_the_drain_never_starts) {
  config.jobs["a"] = steps_job({"s__good"}, "every 10h");
  start();
  Event answer(loop.get_executor());
  disk->slow_ = &answer;
  std::optional<Result<std::string>> id;
  TaskGroup group(loop.get_executor());
  group.spawn("run now", test::store_answer(core->run_now("a"), id));
  ASSERT_TRUE(until([&] { return disk->claims_ == 1; }));
  stop();
  answer.set();
  ASSERT_TRUE(until([&] { return id.has_value(); }));
  ASSERT_FALSE(*id);
  EXPECT_EQ(id->error().message(), "run job the gateway is shutting down: refused");
  EXPECT_EQ(rows_of("a"), "cancelled (the gateway is shutting down)");
  EXPECT_EQ(world.opened, 0);
}

TEST_F(SchedulerTest, missing_tool_fails_with_that_reason) {
  config.jobs["a"] = steps_job({"s__good", "s__nope"});
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(only_run("a"),
            "failed: job a: tool s__nope does not exist on server s (it has: good, bad, rpc, hang, sloppy)");
  EXPECT_EQ(world.calls, 0);
}

TEST_F(SchedulerTest, missing_server_fails_before_the_first_step) {
  config.jobs["a"] = steps_job({"s__good", "other__x"});
  start();
  core->wake(kStart + 10s);
  EXPECT_TRUE(only_run("a").starts_with("failed: job a: server other: "));
  EXPECT_EQ(world.calls, 0);
}

TEST_F(SchedulerTest, tick_sweeps_only_after_all_jobs_joined) {
  config.jobs["a"] = steps_job({"s__good"});
  config.jobs["b"] = steps_job({"s__hang"});
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 2 && world.sessions == 1; }));
  EXPECT_EQ(world.sweeps, 0);
  world.unhang.set();
  ASSERT_TRUE(until([&] { return !reports.empty(); }));
  EXPECT_EQ(world.sweeps, 1);
  EXPECT_EQ(world.sessions_at_sweep, 0);
  EXPECT_EQ(reports[0].runs.size(), 2U);
}

TEST_F(SchedulerTest, a_stuck_run_never_delays_the_next_tick) {
  config.jobs["stuck"] = steps_job({"s__hang"});
  config.jobs["quick"] = steps_job({"s__good"});
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 2 && world.sessions == 1; }));
  core->wake(kStart + 20s);
  ASSERT_TRUE(until([&] { return reports.size() == 1; }));
  EXPECT_EQ(reports[0].at, kStart + 20s);
  EXPECT_EQ(runs_of("quick").size(), 2U);
  EXPECT_EQ(runs_of("stuck")[0].state, "skipped-overlap");
  world.unhang.set();
  EXPECT_TRUE(until([&] { return reports.size() == 2; }));
}

TEST_F(SchedulerTest, what_finds_no_slot_waits_and_is_never_dropped) {
  for (const char* name : {"a", "b", "c", "d"}) config.jobs[name] = steps_job({"s__hang"});
  start(2);
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 2; }));
  EXPECT_EQ(world.sessions, 2);
  world.unhang.set();
  ASSERT_TRUE(until([&] { return !reports.empty(); }));
  EXPECT_EQ(world.calls, 4);
  EXPECT_EQ(reports[0].runs.size(), 4U);
}

TEST_F(SchedulerTest, claimed_occurrence_runs_at_most_once) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  auto other = std::move(*store::History::open(dir.path() / "holdfast.db", "other"));
  const auto rows = *test::wait_for(loop, other->register_jobs({{"a", "UTC\nevery 10s"}}, kStart));
  std::vector<store::ClaimRequest> theirs{{.job_id = rows[0].id, .at = kStart + 10s}};
  ASSERT_TRUE(test::wait_for(loop, other->claim(theirs, kStart)));
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return !reports.empty(); }));
  EXPECT_EQ(world.opened, 0);
  core->wake(kStart + 20s);
  ASSERT_TRUE(until([&] { return reports.size() == 2; }));
  EXPECT_EQ(world.opened, 1);
}

TEST_F(SchedulerTest, instants_of_a_downtime_become_one_missed_row) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  core.reset();
  history = std::move(*store::History::open(dir.path() / "holdfast.db", "next"));
  core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options());
  ASSERT_TRUE(test::wait_for(loop, core->prepare(kStart + 65s)));
  const auto runs = runs_of("a");
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].state, "missed");
}

TEST_F(SchedulerTest, how_the_last_run_went_is_known_after_a_restart_too) {
  config.jobs["a"] = steps_job({"s__bad"});
  config.jobs["b"] = steps_job({"s__good"}, "every 10h");
  start();
  tick(kStart + 10s);
  const auto before = *core->job("a");
  EXPECT_EQ(before.last_state, "failed");
  core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options());
  ASSERT_TRUE(test::wait_for(loop, core->prepare(kStart + 65s)));  // what was missed is no run
  const auto after = *core->job("a");
  EXPECT_EQ(after.last_state, "failed");
  EXPECT_EQ(after.last_reason, before.last_reason);
  ASSERT_TRUE(after.last && before.last);
  EXPECT_LT(*before.last - *after.last, 1ms);
  EXPECT_FALSE(core->job("b")->last);
  config.jobs["a"].enabled = false;
  core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options());
  ASSERT_TRUE(test::wait_for(loop, core->prepare(kStart + 75s)));
  EXPECT_EQ(core->job("a")->last_state, "failed");
  EXPECT_EQ(core->job("a")->last_reason, "disabled");
}

// I11: the cursor goes to the last of them, so that none is without a record.
TEST_F(SchedulerTest, a_long_downtime_of_a_frequent_job_is_recorded_to_its_end) {
  config.jobs["a"] = steps_job({"s__good"}, "every 1s");
  start();
  core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options());
  ASSERT_TRUE(test::wait_for(loop, core->prepare(kStart + 24h)));
  EXPECT_EQ(rows_of("a"), "missed x10000 (the gateway was not running (more than 10000 instants))");
  EXPECT_EQ(cursor_of("a", "every 1s"), kStart + 24h);
}

// Neither was it the gateway that did not run, nor was anything due.
TEST_F(SchedulerTest, a_job_that_was_disabled_or_away_has_missed_nothing) {
  config.jobs["disabled"] = config.jobs["away"] = steps_job({"s__good"});
  start();
  const auto whole = config;
  config.jobs["disabled"].enabled = false;
  config.jobs.erase("away");
  const auto start_anew = [&](const config::Config& entries, SystemTime now) {
    core = std::make_unique<Core>(loop, gateway, custodian, *history, entries, options());
    ASSERT_TRUE(test::wait_for(loop, core->prepare(now)));
  };
  start_anew(config, kStart + 1s);
  start_anew(whole, kStart + 65s);
  EXPECT_EQ(rows_of("disabled"), "");
  EXPECT_EQ(rows_of("away"), "");
  start_anew(whole, kStart + 85s);
  for (const char* job : {"disabled", "away"})
    EXPECT_EQ(rows_of(job), "missed x2 (the gateway was not running)") << job;
}

TEST_F(SchedulerTest, what_could_not_be_claimed_is_missed_and_the_cursor_never_passes_it_before) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  disk->fails_ = Errc::limit;
  tick(kStart + 10s);
  tick(kStart + 20s);
  tick(kStart + 45s);  // two instants
  EXPECT_EQ(rows_of("a"), "");
  EXPECT_EQ(cursor_of("a"), kStart);
  EXPECT_EQ(core->job("a")->last_reason,
            "not started, its claim could not be written: claim database or disk is full: limit reached");
  disk->fails_ = {};
  tick(kStart + 50s);
  const std::string why = " (its claim could not be written: claim database or disk is full: limit reached)";
  EXPECT_EQ(rows_of("a"), "ok, missed x3" + why + ", missed" + why);
  EXPECT_EQ(cursor_of("a"), kStart + 50s);
  EXPECT_EQ(world.opened, 1);
}

TEST_F(SchedulerTest, a_claim_that_commits_unheard_is_settled_before_the_next) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  disk->fails_ = Errc::timeout;
  tick(kStart + 10s);
  EXPECT_EQ(rows_of("a"), "queued");
  disk->fails_ = {};
  tick(kStart + 20s);
  EXPECT_EQ(rows_of("a"), "ok, missed (its claim could not be written: worker not done in 60s: timed out)");
  EXPECT_EQ(world.opened, 1);
}

TEST_F(SchedulerTest, a_run_now_whose_claim_was_not_answered_leaves_no_queued_row) {
  config.jobs["a"] = steps_job({"s__good"}, "every 10h");
  start();
  disk->fails_ = Errc::timeout;
  EXPECT_TRUE(test::wait_for(loop, core->run_now("a")).error().is(Errc::timeout));
  EXPECT_EQ(rows_of("a"), "queued");
  EXPECT_TRUE(test::wait_for(loop, core->run_now("a")).error().is(Errc::refused));
  disk->fails_ = {};
  core->wake(kStart + 20s);  // nothing is due
  ASSERT_TRUE(until([&] { return disk->claims_ == 2; }));
  EXPECT_TRUE(until([&] { return rows_of("a").starts_with("missed (its claim"); })) << rows_of("a");
  const auto id = test::wait_for(loop, core->run_now("a"));
  ASSERT_TRUE(id) << id.error().message();
  EXPECT_EQ(test::wait_for(loop, core->wait(*id, steady_clock::now() + 10s))->state, "ok");
}

TEST_F(SchedulerTest, a_result_that_the_disk_does_not_take_is_told_truly_and_written_once_it_does) {
  config.jobs["a"] = steps_job({"s__bad"});
  start();
  disk->full_ = true;
  tick(kStart + 10s);
  EXPECT_EQ(rows_of("a"), "queued");
  const auto told = runs_of("a");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].state, "failed");
  EXPECT_EQ(test::wait_for(loop, core->run("a", told[0].id))->reason, "step 1 (s__bad): no such file");
  core->wake(kStart + 15s);  // nothing is due
  ASSERT_TRUE(until([&] { return disk->finishes_ == 2; }));
  disk->full_ = false;
  tick(kStart + 20s);
  const std::string ended = "failed (step 1 (s__bad): no such file)";
  EXPECT_EQ(rows_of("a"), ended + ", " + ended);
  const auto written = test::wait_for(loop, history->get(told[0].id));
  ASSERT_TRUE(written);
  EXPECT_EQ(written->result, told[0].result);
  EXPECT_TRUE(written->started_at);
}

TEST_F(SchedulerTest, a_result_that_was_not_written_is_tried_again_at_the_end_of_a_drain) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  disk->full_ = true;
  tick(kStart + 10s);
  disk->full_ = false;
  stop();
  EXPECT_EQ(rows_of("a"), "ok");
}

TEST_F(SchedulerTest, what_falls_due_while_a_claim_is_open_waits_for_its_outcome) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  Event answer(loop.get_executor());
  disk->slow_ = &answer;
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return disk->claims_ == 1; }));
  core->wake(kStart + 20s);
  core->wake(kStart + 30s);
  EXPECT_EQ(core->job("a")->next, kStart + 20s);
  EXPECT_EQ(disk->claims_, 1);
  answer.set();
  ASSERT_TRUE(until([&] { return reports.size() == 1; }));
  tick(kStart + 30s);
  EXPECT_EQ(rows_of("a"), "ok, missed (jumped over by a late wake), ok");
}

TEST_F(SchedulerTest, by_time_and_by_hand_a_job_has_no_more_runs_than_its_overlap_allows) {
  config.jobs["one"] = steps_job({"s__hang"});
  config.jobs["two"] = steps_job({"s__hang"});
  config.jobs["two"].overlap = "parallel";
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 2; }));
  EXPECT_TRUE(test::wait_for(loop, core->run_now("two")));
  const auto one = test::wait_for(loop, core->run_now("one"));
  const auto two = test::wait_for(loop, core->run_now("two"));
  EXPECT_EQ(one.error().message(), "run job one: already 1 run in flight (overlap: skip): refused");
  EXPECT_EQ(two.error().message(), "run job two: already 2 runs in flight (overlap: parallel): refused");
  tick(kStart + 20s);
  EXPECT_TRUE(rows_of("two").starts_with("skipped-overlap (already 2 runs in flight (overlap: parallel))"))
      << rows_of("two");
  world.unhang.set();
  EXPECT_TRUE(until([&] { return reports.size() == 2; }));
}

TEST_F(SchedulerTest, a_job_or_run_that_is_not_there_is_named_in_one_sentence) {
  config.jobs["a"] = steps_job({"s__good"}, "every 10h");
  start();
  EXPECT_EQ(test::wait_for(loop, core->run_now("nosuch")).error().message(), "job nosuch: not found");
  EXPECT_EQ(core->cancel("nosuch", "").error().message(), "job nosuch: not found");
  EXPECT_EQ(core->cancel("a", "17").error().message(), "run in flight 17: not found");
  EXPECT_EQ(test::wait_for(loop, core->history("nosuch", 1)).error().message(), "job nosuch: not found");
  EXPECT_EQ(test::wait_for(loop, core->run("a", "")).error().message(), "latest run of a: not found");
}

TEST_F(SchedulerTest, run_now_answers_with_an_id_that_can_be_waited_for) {
  config.jobs["a"] = steps_job({"s__good"});
  start();
  const auto id = test::wait_for(loop, core->run_now("a"));
  ASSERT_TRUE(id) << id.error().message();
  const auto run = test::wait_for(loop, core->wait(*id, steady_clock::now() + 10s));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->state, "ok");
  EXPECT_TRUE(test::wait_for(loop, core->run_now("nobody")).error().is(Errc::not_found));
}

TEST_F(SchedulerTest, a_job_that_lacks_a_variable_is_neither_planned_nor_run_now) {
  config.jobs["a"] = steps_job({"s__good"});
  config.jobs["a"].unusable = "the variable TOKEN is not set";
  start();
  core->wake(kStart + 10s);
  EXPECT_FALSE(core->job("a")->next);
  EXPECT_EQ(core->job("a")->last_reason, "the variable TOKEN is not set");
  EXPECT_TRUE(test::wait_for(loop, core->run_now("a")).error().is(Errc::refused));
  EXPECT_EQ(world.opened, 0);
}

TEST_F(SchedulerTest, stop_cancels_what_does_not_end_and_joins_it) {
  config.jobs["a"] = steps_job({"s__hang"});
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 1; }));
  stop();
  EXPECT_EQ(world.sessions, 0);
  EXPECT_EQ(runs_of("a")[0].state, "cancelled");
}

TEST_F(SchedulerTest, the_real_timer_wakes_it) {
  config.jobs["a"] = steps_job({"s__good"}, "every 1s");
  history = std::move(*store::History::open(dir.path() / "holdfast.db", "me"));
  core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options());
  core->on_tick([this](const TickReport& report) { reports.push_back(report); });
  ASSERT_TRUE(test::wait_for(loop, core->start()));
  EXPECT_TRUE(until([&] { return reports.size() >= 2; }));
}

// A scheduler that never wakes would look like one that has nothing to do.
TEST_F(SchedulerTest, without_a_descriptor_for_its_timer_it_does_not_start) {
  HOLDFAST_NEEDS(
      "descriptors", !__has_feature(undefined_behavior_sanitizer),
      "UBSan looks at an object's memory through a pipe, and takes the lack of one for a bad object");
  config.jobs["a"] = steps_job({"s__good"}, "every 1s");
  history = std::move(*store::History::open(dir.path() / "holdfast.db", "me"));
  core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options());
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = before;
  none.rlim_cur = 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto started = test::wait_for(loop, core->start());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().is_errno(EMFILE)) << started.error().message();
  EXPECT_TRUE(test::wait_for(loop, core->start()));
}

}  // namespace
}  // namespace holdfast::schedule
