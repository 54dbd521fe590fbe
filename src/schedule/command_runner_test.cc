#include "schedule/fakes.h"

namespace holdfast::schedule {
namespace {

using CommandRunnerTest = SchedulerTest;

TEST_F(CommandRunnerTest, command_runs_in_custody_with_its_occurrence_in_the_environment) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"echo", "${HOLDFAST_JOB} ${HOLDFAST_OTHER:-x} ${HOLDFAST_OTHER}"};
  start();
  core->wake(kStart + 10s);
  EXPECT_TRUE(only_run("c").starts_with("failed: "));
  EXPECT_EQ(gateway.spec_.command.arguments.back(), "c x ${HOLDFAST_OTHER}");
  EXPECT_EQ(gateway.spec_.command.environment[0], "HOLDFAST_JOB=c");
  EXPECT_EQ(gateway.spec_.command.environment[2], "HOLDFAST_SCHEDULED_AT=2027-01-15T08:00:10Z");
}

TEST_F(CommandRunnerTest, command_output_is_logged_and_its_exit_code_kept) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"tool"};
  gateway.tree_ = std::make_shared<FakeTree>();
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return gateway.tree_->watcher_.gone != nullptr; }));
  gateway.tree_->watcher_.leader_exited({.code = 3, .signal = 0}, false);
  gateway.tree_->watcher_.gone({});
  EXPECT_EQ(only_run("c"), "failed: exit 3");
  EXPECT_EQ(gateway.held_, 0);
  const auto text = store::read_log(runs_of("c")[0].log, 0, 1000)->text;
  EXPECT_NE(text.find("hello\n"), std::string::npos) << text;
  EXPECT_NE(text.find("oops\n"), std::string::npos) << text;
}

TEST_F(CommandRunnerTest, a_cancelled_command_is_released_at_once) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"tool"};
  gateway.tree_ = std::make_shared<FakeTree>();
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return gateway.held_ == 1; }));
  EXPECT_EQ(core->cancel("c", ""), 1);
  EXPECT_EQ(only_run("c"), "cancelled: cancelled on request");
  EXPECT_EQ(gateway.held_, 0);
}

}  // namespace
}  // namespace holdfast::schedule
