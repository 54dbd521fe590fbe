#include <gmock/gmock.h>

#include <algorithm>

#include "schedule/fakes.h"

namespace holdfast::schedule {
namespace {

struct CommandRunnerTest : SchedulerTest {
  // The job "c" is due, and its program runs.
  void wake_a_command() {
    config.jobs["c"].schedules = {"every 10s"};
    config.jobs["c"].command = {"tool"};
    gateway.tree_ = std::make_shared<FakeTree>();
    start();
    core->wake(kStart + 10s);
  }
};

TEST_F(CommandRunnerTest, command_runs_in_custody_with_its_occurrence_in_the_environment) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"echo", "${HOLDFAST_JOB} $${HOLDFAST_OTHER}"};
  config.jobs["c"].cwd = "/tmp/${HOLDFAST_JOB}";
  start();
  core->wake(kStart + 10s);
  EXPECT_TRUE(only_run("c").starts_with("failed: "));
  EXPECT_EQ(gateway.spec_.command.arguments.back(), "c ${HOLDFAST_OTHER}");
  EXPECT_EQ(gateway.spec_.command.cwd, "/tmp/c");
  EXPECT_EQ(gateway.spec_.command.environment[0], "HOLDFAST_JOB=c");
  EXPECT_EQ(gateway.spec_.command.environment[2], "HOLDFAST_SCHEDULED_AT=2027-01-15T08:00:10Z");
}

// What it was given counts itself while it lives.
struct Counted : Access {
  explicit Counted(int& count) : count_(count) { ++count_; }
  ~Counted() override { --count_; }
  int& count_;
};

TEST_F(CommandRunnerTest, what_a_command_is_given_of_the_gateway_lasts_as_long_as_it_runs) {
  int given = 0;
  access = [&](const config::Job&, std::string run) -> asio::awaitable<Result<std::unique_ptr<Access>>> {
    auto one = std::make_unique<Counted>(given);
    one->environment = {{"HOLDFAST_TOKEN", "of " + run}};
    co_return one;
  };
  wake_a_command();
  ASSERT_TRUE(until([&] { return gateway.tree_->watcher_.gone != nullptr; }));
  EXPECT_EQ(given, 1);
  const std::string token = "HOLDFAST_TOKEN=of " + runs_of("c")[0].id;
  EXPECT_EQ(std::ranges::count(gateway.spec_.command.environment, token), 1);
  gateway.tree_->watcher_.leader_exited({.code = 0, .signal = 0}, false);
  gateway.tree_->watcher_.gone({});
  EXPECT_EQ(only_run("c"), "ok: ");
  EXPECT_EQ(given, 0);
}

TEST_F(CommandRunnerTest, a_command_that_cannot_be_given_it_is_not_started) {
  access = [&](const config::Job&, std::string) -> asio::awaitable<Result<std::unique_ptr<Access>>> {
    co_return fail(Errc::invalid, "tools", "no such glob");
  };
  wake_a_command();
  EXPECT_THAT(only_run("c"), testing::HasSubstr("no such glob"));
  EXPECT_TRUE(gateway.spec_.command.program.empty());
}

TEST_F(CommandRunnerTest, command_output_is_logged_and_its_exit_code_kept) {
  wake_a_command();
  ASSERT_TRUE(until([&] { return gateway.tree_->watcher_.gone != nullptr; }));
  gateway.tree_->watcher_.leader_exited({.code = 3, .signal = 0}, false);
  gateway.tree_->watcher_.gone({});
  EXPECT_EQ(only_run("c"), "failed: exit 3");
  EXPECT_EQ(gateway.held_, 0);
  const auto text = store::read_log(runs_of("c")[0].log, 0, 1000)->text;
  EXPECT_NE(text.find("hello\n"), std::string::npos) << text;
  EXPECT_NE(text.find("oops\n"), std::string::npos) << text;
}

TEST_F(CommandRunnerTest, a_commands_run_is_over_only_when_its_tree_is_proven_gone) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"tool"};
  config.jobs["c"].timeout = 100ms;  // counts for the program, not for the proof
  gateway.tree_ = std::make_shared<FakeTree>();
  custodian.trees_ = {gateway.tree_};
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return gateway.tree_->watcher_.gone != nullptr; }));
  gateway.tree_->watcher_.leader_exited({.code = 0, .signal = 0}, false);
  ASSERT_TRUE(until([&] { return custodian.stops_ == 1; }));
  EXPECT_EQ(gateway.held_, 0);
  EXPECT_TRUE(test::wait_for(loop, core->run_now("c")).error().is(Errc::refused));
  tick(kStart + 20s);
  EXPECT_EQ(runs_of("c")[0].state, "skipped-overlap");
  EXPECT_EQ(runs_of("c")[1].state, "running");
  EXPECT_TRUE(test::wait_for(loop, sleep_until(steady_clock::now() + 150ms)));
  gateway.tree_->state_ = custody::TreeState::gone;
  custodian.settled_.set();
  ASSERT_TRUE(until([&] { return reports.size() == 2; }));
  EXPECT_EQ(runs_of("c")[1].state, "ok");
}

TEST_F(CommandRunnerTest, a_command_that_timed_out_keeps_that_outcome_and_is_waited_for) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"tool"};
  config.jobs["c"].timeout = 30ms;
  gateway.tree_ = std::make_shared<FakeTree>();
  custodian.trees_ = {gateway.tree_};
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return custodian.stops_ == 1; }));
  EXPECT_EQ(core->job("c")->running, 1);
  gateway.tree_->state_ = custody::TreeState::gone;
  custodian.settled_.set();
  EXPECT_EQ(only_run("c"), "timeout: not done within 30ms");
}

TEST_F(CommandRunnerTest, L32_a_command_that_cannot_be_killed_ends_its_run_and_keeps_the_next_from_starting) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"tool"};
  gateway.tree_ = std::make_shared<FakeTree>();
  custodian.trees_ = {gateway.tree_};
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return gateway.tree_->watcher_.gone != nullptr; }));
  gateway.tree_->watcher_.leader_exited({.code = 0, .signal = 0}, false);
  gateway.tree_->state_ = custody::TreeState::unkillable;
  custodian.settled_.set();
  EXPECT_EQ(only_run("c"), "ok: ");
  tick(kStart + 20s);
  EXPECT_EQ(runs_of("c")[0].reason, "already 1 run in flight (overlap: skip); t cannot be killed");
  gateway.tree_->state_ = custody::TreeState::gone;
  EXPECT_TRUE(test::wait_for(loop, core->run_now("c")));
}

TEST_F(CommandRunnerTest, a_cancelled_command_is_released_at_once) {
  wake_a_command();
  ASSERT_TRUE(until([&] { return gateway.held_ == 1; }));
  EXPECT_EQ(core->cancel("c", ""), 1);
  EXPECT_EQ(only_run("c"), "cancelled: cancelled on request");
  EXPECT_EQ(gateway.held_, 0);
}

}  // namespace
}  // namespace holdfast::schedule
