// What Holdfast promises, as tests named after it (docs/guarantees.md). Real keepers, real servers;
// what is left is counted from /proc by a census that does not ask Holdfast.
#include <gtest/gtest.h>

#include <random>

#include "house.h"
#include "store/log_file.h"

namespace holdfast::test {
namespace {

using custody::TreeState;
using gateway::SessionKind;

config::Config one_server(config::Server server) {
  config::Config config;
  config.servers.emplace(server.name, server);
  return config;
}

config::Config with_job(config::Config config, config::Job job) {
  config.jobs.emplace(job.name, job);
  return config;
}

std::vector<std::shared_ptr<custody::Tree>> trees_in_state(House& house, TreeState state) {
  auto trees = house.custodian->trees();
  std::erase_if(trees, [&](const auto& tree) { return tree->state() != state; });
  return trees;
}

// Everything that was started is nobody's any more: none is active, all are on their way out, and after one
// sweep the kernel knows of none.
void expect_survivors_are_orphans_and_one_sweep_takes_them(
    House& house, const std::vector<std::shared_ptr<custody::Tree>>& trees) {
  ASSERT_FALSE(trees.empty());
  for (const auto& tree : trees)
    EXPECT_TRUE(tree->state() == TreeState::orphaned || tree->state() == TreeState::stopping ||
                tree->state() == TreeState::gone)
        << to_string(tree->state());
  (void)house.run(house.custodian->sweep());
  EXPECT_TRUE(living_servers().empty()) << to_string(living_servers());
}

asio::awaitable<Result<mcp::Reply>> call(gateway::Session& session, std::string server, std::string tool,
                                         std::string arguments) {
  const std::string params = "{\"name\":" + mcp::quote(tool) + ",\"arguments\":" + arguments + "}";
  co_return co_await session.request(server, "tools/call", params, {});
}

// A job whose server keeps a helper that detached (double fork, setsid) and ignores both end-of-file and
// SIGTERM.

config::Config stubborn(std::string tool, std::string arguments, milliseconds timeout = 20s) {
  auto server = fixture_server("stubborn", {"--ignore-eof", "--ignore-term", "--double-fork"});
  return with_job(one_server(server), steps_job("job", "stubborn__" + tool, std::move(arguments), timeout));
}

schedule::RunView end_of(House& house, const std::string& run) {
  const auto view = house.run(house.scheduler->wait(run, std::chrono::steady_clock::now() + 20s));
  EXPECT_TRUE(view) << (view ? "" : view.error().message());
  return view.value_or(schedule::RunView{});
}

std::string start_job(House& house) {
  const auto run = house.run(house.scheduler->run_now("job"));
  EXPECT_TRUE(run) << (run ? "" : run.error().message());
  return run.value_or("");
}

void wait_for_call_in_flight(House& house) {
  ASSERT_TRUE(house.turn_until([&] {
    const auto instances = house.gateway->instances();
    return !instances.empty() && instances.front().calls_in_flight > 0 &&
           instances.front().state == TreeState::active;
  }));
}

void run_ends(const std::string& tool, const std::string& arguments, milliseconds timeout, bool cancel,
              std::string_view state) {
  House house(stubborn(tool, arguments, timeout), {.reap_at_once = false});
  const std::string run = start_job(house);
  if (cancel) {
    wait_for_call_in_flight(house);
    EXPECT_EQ(house.scheduler->cancel("job", run).value_or(0), 1);
  }
  ASSERT_TRUE(house.turn_until([&] { return !house.custodian->trees().empty(); }));
  const auto trees = house.custodian->trees();
  EXPECT_EQ(end_of(house, run).state, state);
  expect_survivors_are_orphans_and_one_sweep_takes_them(house, trees);
}

TEST(Contract, run_ends_by_return_moves_survivors_to_orphans) {
  run_ends("echo", R"({"text":"x"})", 20s, false, "ok");
}
TEST(Contract, run_ends_by_error_moves_survivors_to_orphans) { run_ends("fail", "{}", 20s, false, "failed"); }
TEST(Contract, run_ends_by_timeout_moves_survivors_to_orphans) {
  run_ends("sleep", R"({"ms":60000})", 700ms, false, "timeout");
}
TEST(Contract, run_ends_by_cancel_moves_survivors_to_orphans) {
  run_ends("sleep", R"({"ms":60000})", 20s, true, "cancelled");
}

TEST(Contract, L1_an_orphan_is_reaped_at_once_when_its_last_lease_ends) {
  House house(one_server(fixture_server("s", {"--ignore-eof", "--ignore-term"})));
  auto session = house.gateway->open_session(SessionKind::client, "c");
  ASSERT_TRUE(house.run(session->connect("s")));
  EXPECT_FALSE(living_servers().empty());
  session.reset();
  EXPECT_TRUE(house.turn_until([] { return living_descendants().empty(); }, 5s))
      << to_string(living_descendants());
}

TEST(Contract, liveness_probe_never_signals) {
  House house(one_server(fixture_server("s")));
  auto session = house.gateway->open_session(SessionKind::client, "c");
  ASSERT_TRUE(house.run(session->connect("s")));
  const auto before = house.run(call(*session, "s", "counter", "{}"));
  for (int i = 0; i < 500; ++i) {
    (void)house.gateway->instances();
    (void)house.gateway->servers();
    (void)house.custodian->sweep_dry_run();
    for (const auto& tree : house.custodian->trees()) (void)tree->members();
  }
  const auto after = house.run(call(*session, "s", "counter", "{}"));
  ASSERT_TRUE(before && after);
  EXPECT_NE(before->result, after->result);  // the same process counted on
  EXPECT_EQ(house.custodian->totals().started, 1);
}

TEST(Contract, sweep_reaps_orphans_only) {
  config::Config config;
  for (const char* name : {"held", "orphan"})
    config.servers.emplace(name, fixture_server(name, {"--ignore-eof"}));
  House house(config, {.reap_at_once = false});
  auto live = house.gateway->open_session(SessionKind::client, "live");
  auto done = house.gateway->open_session(SessionKind::job, "done");
  ASSERT_TRUE(house.run(live->connect("held")));
  ASSERT_TRUE(house.run(done->connect("orphan")));
  done.reset();
  ASSERT_EQ(trees_in_state(house, TreeState::orphaned).size(), 1U);
  const auto report = house.run(house.custodian->sweep());
  EXPECT_EQ(report.reaped.size(), 1U);
  EXPECT_EQ(living_servers().size(), 1U) << to_string(living_servers());
  EXPECT_TRUE(house.run(call(*live, "held", "echo", R"({"text":"still here"})")));
}

TEST(Contract, sweep_with_include_active_reaps_all) {
  House house(one_server(fixture_server("s", {"--ignore-eof", "--ignore-term", "--double-fork"})));
  auto a = house.gateway->open_session(SessionKind::client, "a");
  auto b = house.gateway->open_session(SessionKind::job, "b");
  ASSERT_TRUE(house.run(a->connect("s")));
  ASSERT_TRUE(house.run(b->connect("s")));
  EXPECT_GE(living_servers().size(), 2U);
  house.shutdown();  // the one path that includes active trees
  EXPECT_TRUE(living_descendants().empty()) << to_string(living_descendants());
  EXPECT_FALSE(house.run(a->connect("s")));
}

TEST(Contract, leader_of_its_own_session_is_reaped) {
  House house(one_server(fixture_server("s", {"--double-fork"})));
  auto session = house.gateway->open_session(SessionKind::job, "j");
  ASSERT_TRUE(house.run(session->connect("s")));
  ASSERT_TRUE(house.run(call(*session, "s", "spawn_helper", "{}")));
  EXPECT_GE(living_servers().size(), 2U) << to_string(living_servers());
  session.reset();
  EXPECT_TRUE(house.turn_until([] { return living_descendants().empty(); }, 5s))
      << to_string(living_descendants());
}

TEST(Contract, L46_shared_server_outlives_the_sessions_that_share_it) {
  auto server = fixture_server("s");
  server.sharing = config::Sharing::shared;
  server.idle_timeout = 10min;
  House house(one_server(server));
  auto a = house.gateway->open_session(SessionKind::client, "a");
  auto b = house.gateway->open_session(SessionKind::job, "b");
  ASSERT_TRUE(house.run(call(*a, "s", "counter", "{}")));
  ASSERT_TRUE(house.run(call(*b, "s", "counter", "{}")));
  b.reset();
  (void)house.run(house.custodian->sweep());
  const auto third = house.run(call(*a, "s", "counter", "{}"));
  ASSERT_TRUE(third);
  EXPECT_NE(third->result.find('3'), std::string::npos) << third->result;
}

TEST(Contract, idle_shared_server_is_stopped_at_its_deadline_and_started_again_when_needed) {
  auto server = fixture_server("s");
  server.sharing = config::Sharing::shared;
  server.idle_timeout = 300ms;
  House house(one_server(server));
  auto session = house.gateway->open_session(SessionKind::client, "a");
  ASSERT_TRUE(
      house.run(call(*session, "s", "sleep", R"({"ms":700})")));  // longer than the deadline: never in a call
  EXPECT_TRUE(house.turn_until([] { return living_descendants().empty(); }, 5s));
  EXPECT_TRUE(house.run(call(*session, "s", "echo", R"({"text":"again"})")));
  EXPECT_EQ(house.custodian->totals().started, 2);
}

TEST(Contract, a_crash_fails_the_call_with_its_cause_and_the_next_call_starts_anew) {
  House house(one_server(fixture_server("s")));
  auto session = house.gateway->open_session(SessionKind::client, "a");
  const auto crashed = house.run(call(*session, "s", "exit", R"({"code":3})"));
  ASSERT_FALSE(crashed);
  EXPECT_TRUE(crashed.error().is(Errc::closed)) << crashed.error().message();
  EXPECT_TRUE(house.run(call(*session, "s", "echo", R"({"text":"again"})")));
}

TEST(Contract, a_server_that_never_answers_initialize_leaves_nothing) {
  auto server = fixture_server("s", {"--no-init", "--ignore-eof", "--ignore-term"});
  server.connect_timeout = 300ms;
  House house(one_server(server));
  auto session = house.gateway->open_session(SessionKind::client, "a");
  const auto connected = house.run(session->connect("s"));
  ASSERT_FALSE(connected);
  EXPECT_TRUE(house.turn_until([] { return living_descendants().empty(); }, 5s))
      << to_string(living_descendants());
}

TEST(Contract, a_command_that_does_not_exist_is_said_at_once) {
  auto server = fixture_server("s");
  server.command = "npxx";
  server.env = {{"PATH", "/usr/bin:/bin"}};
  House house(one_server(server));
  auto session = house.gateway->open_session(SessionKind::client, "a");
  const auto before = std::chrono::steady_clock::now();
  const auto connected = house.run(session->connect("s"));
  ASSERT_FALSE(connected);
  EXPECT_NE(connected.error().message().find("npxx: not found in PATH (/usr/bin:/bin)"), std::string::npos)
      << connected.error().message();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

config::Job command_job(std::vector<std::string> command, milliseconds timeout = 20s) {
  config::Job job;
  job.name = "job";
  job.schedules = {"every 366d"};
  job.command = std::move(command);
  job.timeout = timeout;
  job.cwd = "/";
  return job;
}

TEST(Contract, a_command_reads_nothing_and_its_exit_status_is_the_outcome) {
  House house(with_job({}, command_job({"sh", "-c", "cat; echo said ${HOLDFAST_JOB}; exit 3"})));
  const auto run = end_of(house, start_job(house));
  EXPECT_EQ(run.state, "failed");
  EXPECT_EQ(run.reason, "exit 3");
  EXPECT_EQ(store::read_log(run.log, 0, 1000).value_or(store::LogChunk{}).text, "said job\n");
}

TEST(Contract, a_commands_detached_children_die_with_its_run) {
  House house(with_job(
      {}, command_job({"sh", "-c", "(setsid sleep 300 &) & trap '' TERM; setsid sleep 300"}, 300ms)));
  EXPECT_EQ(end_of(house, start_job(house)).state, "timeout");
  EXPECT_TRUE(living_descendants().empty()) << to_string(living_descendants());
}

TEST(Contract, a_commands_next_run_never_meets_what_the_last_one_left) {
  House house(with_job({}, command_job({"sh", "-c", "(trap '' TERM; setsid sleep 300) & sleep 0.2"})));
  const auto run = start_job(house);
  ASSERT_TRUE(house.turn_until([&] {
    const auto trees = house.custodian->trees();
    return !trees.empty() && trees.front()->state() == TreeState::stopping;
  }));
  EXPECT_FALSE(living_servers().empty());
  EXPECT_FALSE(house.run(house.scheduler->run_now("job")));
  EXPECT_EQ(end_of(house, run).state, "ok");
  EXPECT_TRUE(living_descendants().empty()) << to_string(living_descendants());
  EXPECT_EQ(end_of(house, start_job(house)).state, "ok");
}

TEST(Contract, a_command_that_is_not_there_fails_with_that_reason) {
  House house(with_job({}, command_job({"npxx", "-y"})));
  const auto run = end_of(house, start_job(house));
  EXPECT_EQ(run.state, "failed");
  EXPECT_NE(run.reason.find("npxx: not found in PATH"), std::string::npos) << run.reason;
}

// One live client: calls its server again and again; the counter must never start anew, or somebody was
// killed.
struct LiveClient {
  std::unique_ptr<gateway::Session> session;
  std::string server;
  int calls = 0, errors = 0;
};

asio::awaitable<void> live_client(LiveClient& client, const bool& stop) {
  while (!stop) {
    const auto reply = co_await call(*client.session, client.server, "counter", "{}");
    ++client.calls;
    if (!reply || reply->result.find(std::to_string(client.calls)) == std::string::npos) ++client.errors;
    (void)co_await sleep_until(std::chrono::steady_clock::now() + 1ms);
  }
}

// One job after another, each ended at a random point: before its call, in it, after it.
asio::awaitable<void> random_jobs(House& house, int seed, const bool& stop, int& runs) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  while (!stop) {
    auto session = house.gateway->open_session(SessionKind::job, "job" + std::to_string(seed));
    TaskGroup calls(house.loop.get_executor());
    const auto one_call = [](gateway::Session& s, int ms) -> asio::awaitable<void> {
      (void)co_await call(s, "jobs", "sleep", R"({"ms":)" + std::to_string(ms) + "}");
    };
    calls.spawn("call", one_call(*session, static_cast<int>(random() % 40)));
    (void)co_await sleep_until(std::chrono::steady_clock::now() + milliseconds(random() % 40));
    if (random() % 2 == 0) calls.cancel();
    session.reset();
    (void)co_await calls.join(std::chrono::steady_clock::now() + 10s);
    ++runs;
  }
}

asio::awaitable<void> sweep_again_and_again(House& house, int& count, const bool& stop) {
  while (!stop) {
    (void)co_await house.custodian->sweep();
    ++count;
    (void)co_await sleep_until(
        std::chrono::steady_clock::now());  // one turn of the loop: the others live meanwhile
  }
}

TEST(Contract, parallel_jobs_and_live_clients_are_never_disturbed) {
  config::Config config;
  auto jobs = fixture_server("jobs", {"--ignore-eof", "--double-fork"});
  jobs.stop = {.eof = 20ms, .term = 100ms, .lost = 100ms};
  config.servers.emplace("jobs", jobs);
  config.servers.emplace("own", fixture_server("own"));
  House house(config);
  bool stop = false;
  int runs = 0;
  std::vector<LiveClient> clients(4);
  TaskGroup group(house.loop.get_executor());
  for (auto& client : clients) {
    client.session = house.gateway->open_session(SessionKind::client, "live");
    client.server = "own";
    group.spawn("client", live_client(client, stop));
  }
  for (int seed = 1; seed <= 8; ++seed) group.spawn("jobs", random_jobs(house, seed, stop, runs));
  int swept = 0;
  // Each sweep waits for the stops under way, so several go on at once.
  for (int i = 0; i < 32; ++i) group.spawn("sweeps", sweep_again_and_again(house, swept, stop));
  EXPECT_TRUE(house.turn_until([&] { return swept >= 10'000 && runs >= 200; }, 120s))
      << swept << " sweeps, " << runs << " runs";
  stop = true;
  EXPECT_TRUE(house.turn_until([&] { return group.running() == 0; }, 20s));
  for (const auto& client : clients) {
    EXPECT_GT(client.calls, 10);
    EXPECT_EQ(client.errors, 0);
  }
  // The four live servers and nobody else, once the last orphan is gone.
  EXPECT_TRUE(house.turn_until([] { return living_servers().size() == 4; }, 5s))
      << to_string(living_servers());
}

TEST(Contract, shutdown_leaves_nothing) {
  config::Config config;
  config.servers.emplace("s", fixture_server("s", {"--ignore-eof", "--ignore-term", "--double-fork"}));
  auto house = std::make_unique<House>(config);
  std::vector<std::unique_ptr<gateway::Session>> sessions;
  for (int i = 0; i < 10; ++i) {
    sessions.push_back(house->gateway->open_session(SessionKind::client, "c"));
    ASSERT_TRUE(house->run(sessions.back()->connect("s")));
  }
  EXPECT_GE(living_servers().size(), 20U);
  house->shutdown();
  EXPECT_TRUE(living_descendants().empty()) << to_string(living_descendants());
  sessions.clear();
}

}  // namespace
}  // namespace holdfast::test
