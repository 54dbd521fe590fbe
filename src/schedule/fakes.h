// A gateway, a custodian and a history for the scheduler's tests, and a scheduler among them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/test_support.h"
#include "os/process.h"
#include "schedule/core.h"

namespace holdfast::schedule {

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
          R"({"isError":true,"content":[{"type":"new","text":[]},{"type":"text","text":"no such file"}]})",
          std::nullopt};
    if (params.find("\"sloppy\"") != std::string_view::npos)
      co_return mcp::Reply{R"({"content":[5]})", std::nullopt};
    if (params.find("\"rpc\"") != std::string_view::npos)
      co_return mcp::Reply{"", mcp::RpcError{-32602, "bad arguments", ""}};
    co_return mcp::Reply{R"({"content":[]})", std::nullopt};
  }
  Result<void> notify(std::string_view, std::string_view, std::string_view) override { return {}; }
  asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::string_view server) override {
    if (server != "s") co_return fail(Errc::not_found, "lease", "no server " + std::string(server));
    co_return std::vector<mcp::Tool>{{"good", ""}, {"bad", ""}, {"rpc", ""}, {"hang", ""}, {"sloppy", ""}};
  }

 private:
  World& world_;
  std::string label_;
};

// A command that wrote one line to each pipe and exits with 3.
class FakeTree final : public custody::Tree {
 public:
  FakeTree() {
    EXPECT_EQ(::write(out_.second.get(), "hello\n", 6), 6);
    EXPECT_EQ(::write(err_.second.get(), "oops\n", 5), 5);
  }
  const std::string& id() const override { return text_; }
  const std::string& name() const override { return text_; }
  custody::TreeState state() const override { return state_; }
  custody::Rung rung() const override { return custody::Rung::tree; }
  pid_t leader_pid() const override { return 0; }
  pid_t keeper_pid() const override { return 0; }
  SystemTime started_at() const override { return {}; }
  const std::string& reason() const override { return text_; }
  std::vector<pid_t> members() const override { return {}; }
  int stdin_fd() const override { return -1; }
  int stdout_fd() const override { return out_.first.get(); }
  int stderr_fd() const override { return err_.first.get(); }
  void watch(Watcher watcher) override { watcher_ = std::move(watcher); }
  void orphan(std::string) override {}
  Watcher watcher_;
  custody::TreeState state_ = custody::TreeState::active;

 private:
  std::string text_ = "t";
  std::pair<UniqueFd, UniqueFd> out_ = *os::pipe_pair(), err_ = *os::pipe_pair();
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
  std::unique_ptr<gateway::Session> open_session(gateway::SessionKind, std::string label,
                                                 const std::shared_ptr<gateway::Consumer>&) override {
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
    out.reserve(extra.size());
    for (const auto& [k, v] : extra) out.push_back(k + "=" + v);
    return out;
  }
  bool has_server(std::string_view name) const override { return name == "s"; }
  std::vector<gateway::ServerView> servers() const override { return {}; }
  std::vector<gateway::InstanceView> instances() const override { return {}; }
  std::vector<gateway::SessionView> sessions() const override { return {}; }
  std::filesystem::path stderr_log(std::string_view) const override { return {}; }
  asio::awaitable<Result<gateway::StopReport>> stop_server(std::string, gateway::StopRequest) override {
    co_return gateway::StopReport{};
  }
  void reload(const config::Config&) override {}
  bool evict_idle(const std::string&) override { return false; }
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
  FakeCustodian(World& world, asio::io_context& loop) : settled_(loop.get_executor()), world_(world) {}
  const custody::RungReport& rung() const override { return rung_; }
  const std::string& gateway_id() const override { return id_; }
  asio::awaitable<custody::RecoveryReport> recover() override { co_return custody::RecoveryReport{}; }
  asio::awaitable<Result<std::shared_ptr<custody::Tree>>> start(custody::TreeSpec) override {
    co_return fail(Errc::closed, "start");
  }
  // Until the test makes the tree gone or unkillable.
  asio::awaitable<bool> stop(std::shared_ptr<custody::Tree> tree, std::string) override {
    ++stops_;
    (void)co_await settled_.wait_until(steady_clock::now() + 1h);
    co_return tree->state() == custody::TreeState::gone;
  }
  asio::awaitable<custody::SweepReport> sweep() override {
    ++world_.sweeps;
    world_.sessions_at_sweep = world_.sessions;
    co_return custody::SweepReport{};
  }
  custody::SweepReport sweep_dry_run() const override { return {}; }
  asio::awaitable<custody::SweepReport> shutdown() override { co_return custody::SweepReport{}; }
  std::vector<std::shared_ptr<custody::Tree>> trees() const override { return trees_; }
  milliseconds longest_graces() const override { return {}; }
  Totals totals() const override { return {}; }
  std::vector<std::shared_ptr<custody::Tree>> trees_;
  Event settled_;
  int stops_ = 0;

 private:
  World& world_;
  custody::RungReport rung_;
  std::string id_ = "g";
};

// The real one, whose claims, and whose notes of how runs begin and end, fail where the test says so.
class FailingHistory final : public store::History {
 public:
  explicit FailingHistory(std::unique_ptr<store::History> real) : real_(std::move(real)) {}
  asio::awaitable<Result<std::vector<store::JobRow>>> register_jobs(std::vector<store::JobSpec> jobs,
                                                                    SystemTime now) override {
    return real_->register_jobs(std::move(jobs), now);
  }
  asio::awaitable<Result<std::vector<bool>>> claim(std::vector<store::ClaimRequest> requests,
                                                   SystemTime now) override {
    ++claims_;
    if (slow_) (void)co_await slow_->wait_until(steady_clock::now() + 1h);
    const Errc how = fails_;
    if (how == Errc::limit) co_return fail(Errc::limit, "claim", "database or disk is full");
    auto claimed = co_await real_->claim(std::move(requests), now);
    if (how == Errc::timeout) co_return fail(Errc::timeout, "worker", "not done in 60s");
    co_return claimed;
  }
  asio::awaitable<Result<void>> start_run(std::string id, SystemTime at) override {
    ++starts_;
    if (slow_start_) (void)co_await slow_start_->wait_until(steady_clock::now() + 1h);
    if (full_) co_return fail(Errc::limit, "start run", "database or disk is full");
    co_return co_await real_->start_run(std::move(id), at);
  }
  asio::awaitable<Result<void>> finish_run(store::Finish finish) override {
    ++finishes_;
    if (full_) co_return fail(Errc::limit, "finish run", "database or disk is full");
    co_return co_await real_->finish_run(std::move(finish));
  }
  asio::awaitable<Result<std::vector<store::RunRow>>> list(std::string job, int limit) override {
    return real_->list(std::move(job), limit);
  }
  asio::awaitable<Result<store::RunRow>> get(std::string id) override { return real_->get(std::move(id)); }
  asio::awaitable<Result<int>> interrupt_open(SystemTime now) override { return real_->interrupt_open(now); }
  Errc fails_ = {};    // limit: nothing was written; timeout: written, and nobody heard of it
  bool full_ = false;  // for how runs begin and end
  Event *slow_ = nullptr, *slow_start_ = nullptr;
  int claims_ = 0, starts_ = 0, finishes_ = 0;

 private:
  std::unique_ptr<store::History> real_;
};

inline config::Job steps_job(std::vector<std::string> tools, std::string schedule = "every 10s") {
  config::Job job;
  job.schedules = {std::move(schedule)};
  job.timezone = "UTC";  // whatever that of the host is
  for (std::string& tool : tools) job.steps.push_back({std::move(tool), "{}", std::nullopt});
  return job;
}

inline const SystemTime kStart = SystemTime(1'800'000'000s);

class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerOptions options(int workers = 8) {
    SchedulerOptions out;
    out.workers = workers;
    out.log_dir = dir.path();
    out.access = access;
    return out;
  }
  void start(int workers = 8) {
    auto real =
        std::make_unique<FailingHistory>(std::move(*store::History::open(dir.path() / "holdfast.db", "me")));
    disk = real.get();
    history = std::move(real);
    core = std::make_unique<Core>(loop, gateway, custodian, *history, config, options(workers));
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
  void stop() {
    struct Stop {
      static asio::awaitable<bool> it(Core& core) {
        co_await core.stop(steady_clock::now() + 20ms);
        co_return true;
      }
    };
    EXPECT_TRUE(test::wait_for(loop, Stop::it(*core)));
  }
  std::vector<RunView> runs_of(const char* job) { return *test::wait_for(loop, core->history(job, 100)); }
  // Wakes it and waits until its tick has reported.
  void tick(SystemTime now) {
    const std::size_t before = reports.size();
    core->wake(now);
    ASSERT_TRUE(until([&] { return reports.size() > before; }));
  }
  // Newest first: "missed x2 (reason)".
  std::string rows_of(const char* job) {
    std::string out;
    for (const auto& row : *test::wait_for(loop, history->list(job, 100))) {
      out += out.empty() ? "" : ", ";
      out += row.state + (row.count > 1 ? " x" + std::to_string(row.count) : "") +
             (row.reason.empty() ? "" : " (" + row.reason + ")");
    }
    return out;
  }
  SystemTime cursor_of(const char* job, std::string schedule = "every 10s") {
    auto rows = test::wait_for(loop, history->register_jobs({{job, "UTC\n" + schedule}}, kStart + 48h));
    return rows->at(0).cursor;
  }
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
  FakeCustodian custodian{world, loop};
  GiveAccess access;
  config::Config config;
  std::unique_ptr<store::History> history;
  FailingHistory* disk = nullptr;
  std::unique_ptr<Core> core;
  std::vector<TickReport> reports;
};

}  // namespace holdfast::schedule
