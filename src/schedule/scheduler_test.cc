#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/test_support.h"
#include "schedule/core.h"

namespace holdfast::schedule {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

struct World {
  explicit World(asio::io_context& loop) : unhang(loop.get_executor()) {}
  int sessions = 0, opened = 0, calls = 0, interrupted = 0, sweeps = 0;
  int sessions_at_sweep = -1;
  Event unhang;
};

class FakeSession final : public gateway::Session {
 public:
  FakeSession(World& world, std::string label) : world_(world), label_(std::move(label)) {
    ++world_.sessions;
    ++world_.opened;
  }
  ~FakeSession() override { --world_.sessions; }
  const std::string& id() const override { return label_; }
  gateway::SessionKind kind() const override { return gateway::SessionKind::job; }
  const std::string& label() const override { return label_; }
  asio::awaitable<Result<mcp::InitializeResult>> connect(std::string_view) override {
    co_return mcp::InitializeResult{};
  }
  asio::awaitable<Result<mcp::Reply>> request(std::string_view, std::string_view, std::string_view params,
                                              gateway::CallOptions) override {
    ++world_.calls;
    if (params.find("\"hang\"") != std::string_view::npos) {
      if (!co_await world_.unhang.wait_until(steady_clock::now() + 1h)) {
        ++world_.interrupted;
        co_return fail(Errc::cancelled, "tools/call", "hang");
      }
    }
    if (params.find("\"bad\"") != std::string_view::npos)
      co_return mcp::Reply{
          R"({"isError":true,"content":[5,{"type":7,"text":[]},{"type":"text","text":"no such file"}]})",
          std::nullopt};
    if (params.find("\"rpc\"") != std::string_view::npos)
      co_return mcp::Reply{"", mcp::RpcError{-32602, "bad arguments", ""}};
    co_return mcp::Reply{R"({"content":[]})", std::nullopt};
  }
  Result<void> notify(std::string_view, std::string_view, std::string_view) override { return {}; }
  asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::string_view server) override {
    if (server != "s") co_return fail(Errc::not_found, "lease", "no server " + std::string(server));
    co_return std::vector<mcp::Tool>{{"good", ""}, {"bad", ""}, {"rpc", ""}, {"hang", ""}};
  }

 private:
  World& world_;
  std::string label_;
};

// A command that wrote one line to each pipe and exits with 3.
class FakeTree final : public custody::Tree {
 public:
  FakeTree() {
    EXPECT_EQ(::pipe2(out_, O_NONBLOCK | O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(err_, O_NONBLOCK | O_CLOEXEC), 0);
    EXPECT_EQ(::write(out_[1], "hello\n", 6), 6);
    EXPECT_EQ(::write(err_[1], "oops\n", 5), 5);
  }
  ~FakeTree() override {
    for (const int fd : {out_[0], out_[1], err_[0], err_[1]}) ::close(fd);
  }
  const std::string& id() const override { return text_; }
  const std::string& name() const override { return text_; }
  custody::TreeState state() const override { return custody::TreeState::active; }
  custody::Rung rung() const override { return custody::Rung::tree; }
  pid_t leader_pid() const override { return 0; }
  pid_t keeper_pid() const override { return 0; }
  custody::SystemTime started_at() const override { return {}; }
  const std::string& reason() const override { return text_; }
  std::vector<pid_t> members() const override { return {}; }
  int stdin_fd() const override { return -1; }
  int stdout_fd() const override { return out_[0]; }
  int stderr_fd() const override { return err_[0]; }
  void watch(Watcher watcher) override { watcher_ = std::move(watcher); }
  void drain(std::string) override {}
  void orphan(std::string) override {}
  Watcher watcher_;

 private:
  std::string text_ = "t";
  int out_[2], err_[2];
};

class FakeHold final : public gateway::Gateway::HeldTree {
 public:
  FakeHold(std::shared_ptr<FakeTree> tree, int& held) : tree_(std::move(tree)), held_(held) { ++held_; }
  ~FakeHold() override { --held_; }
  custody::Tree& tree() override { return *tree_; }

 private:
  std::shared_ptr<FakeTree> tree_;
  int& held_;
};

class FakeGateway final : public gateway::Gateway {
 public:
  explicit FakeGateway(World& world) : world_(world) {}
  std::unique_ptr<gateway::Session> open_session(gateway::SessionKind, std::string label) override {
    return std::make_unique<FakeSession>(world_, std::move(label));
  }
  asio::awaitable<Result<std::unique_ptr<HeldTree>>> run_in_custody(custody::TreeSpec spec,
                                                                    std::string) override {
    spec_ = std::move(spec);
    if (tree_) co_return std::make_unique<FakeHold>(tree_, held_);
    co_return fail(Errc::refused, "custody", "none in this test");
  }
  std::vector<std::string> child_environment(const std::map<std::string, std::string>& extra) const override {
    std::vector<std::string> out;
    for (const auto& [k, v] : extra) out.push_back(k + "=" + v);
    return out;
  }
  bool has_server(std::string_view name) const override { return name == "s"; }
  std::vector<gateway::ServerView> servers() const override { return {}; }
  std::vector<gateway::InstanceView> instances() const override { return {}; }
  std::vector<gateway::SessionView> sessions() const override { return {}; }
  std::filesystem::path stderr_log(std::string_view) const override { return {}; }
  void close() override {}
  asio::awaitable<bool> drained(steady_clock::time_point) override { co_return true; }
  custody::TreeSpec spec_;
  std::shared_ptr<FakeTree> tree_;
  int held_ = 0;

 private:
  World& world_;
};

class FakeCustodian final : public custody::Custodian {
 public:
  explicit FakeCustodian(World& world) : world_(world) {}
  const custody::RungReport& rung() const override { return rung_; }
  const std::string& gateway_id() const override { return id_; }
  asio::awaitable<custody::RecoveryReport> recover() override { co_return custody::RecoveryReport{}; }
  asio::awaitable<Result<std::shared_ptr<custody::Tree>>> start(custody::TreeSpec) override {
    co_return fail(Errc::closed, "start");
  }
  asio::awaitable<bool> stop(std::shared_ptr<custody::Tree>, std::string) override { co_return true; }
  asio::awaitable<custody::SweepReport> sweep() override {
    ++world_.sweeps;
    world_.sessions_at_sweep = world_.sessions;
    co_return custody::SweepReport{};
  }
  custody::SweepReport sweep_dry_run() const override { return {}; }
  asio::awaitable<custody::SweepReport> shutdown() override { co_return custody::SweepReport{}; }
  std::vector<std::shared_ptr<custody::Tree>> trees() const override { return {}; }
  Totals totals() const override { return {}; }

 private:
  World& world_;
  custody::RungReport rung_;
  std::string id_ = "g";
};

config::Job steps_job(std::vector<std::string> tools, std::string schedule = "every 10s") {
  config::Job job;
  job.schedules = {std::move(schedule)};
  for (std::string& tool : tools) job.steps.push_back({std::move(tool), "{}", std::nullopt});
  return job;
}

const SystemTime kStart = SystemTime(1'800'000'000s);

class SchedulerTest : public ::testing::Test {
 protected:
  void start(int workers = 8) {
    history = std::move(*store::History::open(dir.path() / "holdfast.db", "me"));
    core = std::make_unique<Core>(loop, gateway, custodian, *history, config,
                                  SchedulerOptions{workers, dir.path(), ""});
    core->on_tick([this](const TickReport& report) { reports.push_back(report); });
    const auto ready = test::wait_for(loop, core->prepare(kStart));
    ASSERT_TRUE(ready) << ready.error().message();
  }
  template <class Condition>
  bool until(Condition condition) {
    const auto deadline = steady_clock::now() + 20s;
    loop.restart();
    while (!condition() && steady_clock::now() < deadline)
      if (loop.run_one_until(deadline) == 0) loop.restart();
    return condition();
  }
  std::vector<RunView> runs_of(const char* job) { return *test::wait_for(loop, core->history(job, 100)); }
  std::string only_run(const char* job) {
    EXPECT_TRUE(until([&] { return !reports.empty(); }));
    EXPECT_EQ(world.sessions, 0);
    EXPECT_EQ(world.sweeps, 1);
    const auto runs = runs_of(job);
    return runs.size() == 1 ? runs[0].state + ": " + runs[0].reason : std::to_string(runs.size()) + " runs";
  }

  test::TempDir dir;
  asio::io_context loop;
  World world{loop};
  FakeGateway gateway{world};
  FakeCustodian custodian{world};
  config::Config config;
  std::unique_ptr<store::History> history;
  std::unique_ptr<Core> core;
  std::vector<TickReport> reports;
};

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

TEST_F(SchedulerTest, missing_tool_fails_with_that_reason) {
  config.jobs["a"] = steps_job({"s__good", "s__nope"});
  start();
  core->wake(kStart + 10s);
  EXPECT_EQ(only_run("a"),
            "failed: job a: tool s__nope does not exist on server s (it has: good, bad, rpc, hang)");
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
  core =
      std::make_unique<Core>(loop, gateway, custodian, *history, config, SchedulerOptions{8, dir.path(), ""});
  ASSERT_TRUE(test::wait_for(loop, core->prepare(kStart + 65s)));
  const auto runs = runs_of("a");
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].state, "missed");
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

TEST_F(SchedulerTest, command_runs_in_custody_with_its_occurrence_in_the_environment) {
  config.jobs["c"].schedules = {"every 10s"};
  config.jobs["c"].command = {"echo", "${HOLDFAST_JOB} ${HOLDFAST_OTHER}"};
  start();
  core->wake(kStart + 10s);
  EXPECT_TRUE(only_run("c").starts_with("failed: "));
  EXPECT_EQ(gateway.spec_.command.arguments.back(), "c ${HOLDFAST_OTHER}");
  EXPECT_EQ(gateway.spec_.command.environment[0], "HOLDFAST_JOB=c");
  EXPECT_EQ(gateway.spec_.command.environment[2], "HOLDFAST_SCHEDULED_AT=2027-01-15T08:00:10Z");
}

TEST_F(SchedulerTest, command_output_is_logged_and_its_exit_code_kept) {
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

TEST_F(SchedulerTest, a_cancelled_command_is_released_at_once) {
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

TEST_F(SchedulerTest, stop_cancels_what_does_not_end_and_joins_it) {
  config.jobs["a"] = steps_job({"s__hang"});
  start();
  core->wake(kStart + 10s);
  ASSERT_TRUE(until([&] { return world.calls == 1; }));
  struct Stop {
    static asio::awaitable<bool> it(Core& core) {
      co_await core.stop(steady_clock::now() + 20ms);
      co_return true;
    }
  };
  EXPECT_TRUE(test::wait_for(loop, Stop::it(*core)));
  EXPECT_EQ(world.sessions, 0);
  EXPECT_EQ(runs_of("a")[0].state, "cancelled");
}

TEST_F(SchedulerTest, the_real_timer_wakes_it) {
  config.jobs["a"] = steps_job({"s__good"}, "every 1s");
  history = std::move(*store::History::open(dir.path() / "holdfast.db", "me"));
  core =
      std::make_unique<Core>(loop, gateway, custodian, *history, config, SchedulerOptions{8, dir.path(), ""});
  core->on_tick([this](const TickReport& report) { reports.push_back(report); });
  ASSERT_TRUE(test::wait_for(loop, core->start()));
  EXPECT_TRUE(until([&] { return reports.size() >= 2; }));
}

}  // namespace
}  // namespace holdfast::schedule
