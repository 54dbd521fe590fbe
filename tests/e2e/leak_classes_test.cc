// Ways to leave a server behind that hosts have shown (docs/leak-classes.md), one test each, where no other
// test here bears the name.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "house.h"
#include "needs.h"
#include "os/procfs.h"
#include "os/spawn.h"
#include "outer.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using custody::TreeState;
using gateway::SessionKind;

config::Config only(config::Server server) {
  config::Config config;
  config.drain = 300ms;
  config.servers.emplace(server.name, std::move(server));
  return config;
}

asio::awaitable<Result<mcp::Reply>> call(gateway::Session& session, std::string params) {
  co_return co_await session.request("s", "tools/call", std::move(params), {});
}

asio::awaitable<void> keep(asio::awaitable<Result<mcp::Reply>> call,
                           std::optional<Result<mcp::Reply>>& reply) {
  reply = co_await std::move(call);
}

constexpr const char* kEcho = R"({"name":"echo","arguments":{"text":"x"}})";

std::string sleep_for(int ms) { return R"({"name":"sleep","arguments":{"ms":)" + std::to_string(ms) + "}}"; }

TEST(LeakClass, L2_of_twenty_refreshes_during_a_call_that_hangs_one_old_generation_is_left_and_then_none) {
  auto server = fixture_server("s");
  server.sharing = config::Sharing::shared;
  server.call_timeout = 1500ms;
  auto config = only(server);
  House house(config);
  auto a = house.gateway->open_session(SessionKind::client, "a");
  std::optional<Result<mcp::Reply>> hung, next;
  house.tasks.spawn("hung", keep(call(*a, sleep_for(60'000)), hung));
  ASSERT_TRUE(house.turn_until([&] {
    const auto all = house.gateway->instances();
    return all.size() == 1 && all.front().calls_in_flight == 1;
  }));
  auto b = house.gateway->open_session(SessionKind::client, "b");
  for (int i = 0; i < 20; ++i) {
    config.servers.at("s").env["ROUND"] = std::to_string(i);
    house.gateway->reload(config);
    if (i == 0)
      house.tasks.spawn("next", keep(call(*b, R"({"name":"env","arguments":{"name":"ROUND"}})"), next));
    house.turn_for(10ms);
    EXPECT_EQ(living_servers().size(), 1U) << to_string(living_servers());
  }
  ASSERT_TRUE(house.turn_until([&] { return hung && next; }));
  EXPECT_FALSE(hung->has_value());
  ASSERT_TRUE(next->has_value()) << next->error().message();
  EXPECT_NE((*next)->result.find("\"19\""), std::string::npos) << (*next)->result;
  EXPECT_TRUE(house.turn_until([] { return living_servers().size() == 1; })) << to_string(living_servers());
  EXPECT_EQ(house.custodian->totals().started, 2);
}

TEST(LeakClass, L5_a_run_that_is_cancelled_twice_at_any_moment_leaves_nothing) {
  auto config = only(fixture_server("s", {"--ignore-eof", "--double-fork", "--delay-init", "20"}));
  config.jobs.emplace("job", steps_job("job", "s__sleep", R"({"ms":60000})"));
  House house(config);
  for (int i = 0; i < 25; ++i) {
    const auto run = house.run(house.scheduler->run_now("job"));
    ASSERT_TRUE(run) << run.error().message();
    house.turn_for(milliseconds(i * 5));  // the moment is the test's variable
    (void)house.scheduler->cancel("job", *run);
    house.turn_for(milliseconds(i % 3));
    (void)house.scheduler->cancel("job", *run);
    const auto end = house.run(house.scheduler->wait(*run, std::chrono::steady_clock::now() + 20s));
    ASSERT_TRUE(end) << end.error().message();
    EXPECT_EQ(end->state, "cancelled") << "after " << i * 5 << " ms";
    ASSERT_TRUE(house.turn_until([] { return living_descendants().empty(); }))
        << "after " << i * 5 << " ms\n"
        << to_string(living_descendants());
  }
}

TEST(LeakClass, L43_a_call_that_begins_just_before_the_idle_deadline_is_answered) {
  auto server = fixture_server("s");
  server.sharing = config::Sharing::shared;
  server.idle_timeout = 150ms;
  House house(only(server));
  auto session = house.gateway->open_session(SessionKind::client, "c");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(house.run(call(*session, kEcho)));
    house.turn_for(milliseconds(110 + 10 * i));
    const auto slow = house.run(call(*session, sleep_for(250)));
    EXPECT_TRUE(slow) << (slow ? "" : slow.error().message());
  }
}

// As a server that takes its sibling for a stale copy of itself does.
TEST(LeakClass, L48_a_server_that_somebody_else_kills_again_and_again_is_not_started_into_a_duel) {
  auto server = fixture_server("s");
  server.restart = {.budget = 3, .per = 60s, .backoff_min = 10ms, .backoff_max = 20ms};
  House house(only(server));
  auto session = house.gateway->open_session(SessionKind::client, "c");
  for (int i = 0; i < 20 && house.gateway->servers().at(0).state != "parked"; ++i) {
    (void)house.run(call(*session, kEcho));
    for (const auto& living : living_servers())
      if (const auto handle = os::PidFd::open(living.pid)) (void)handle->signal(SIGKILL);
    ASSERT_TRUE(house.turn_until([] { return living_servers().empty(); }));
  }
  EXPECT_EQ(house.gateway->servers().at(0).state, "parked");
  EXPECT_LE(house.custodian->totals().started, 5);
  const auto refused = house.run(call(*session, kEcho));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("SIGKILL"), std::string::npos) << refused.error().message();
}

const std::string kDeaf = std::string("listen: [\"127.0.0.1:0\"]\nmcpServers:\n  s:\n    command: ") +
                          HOLDFAST_FIXTURE_SERVER +
                          "\n    args: [--ignore-eof, --ignore-term, --double-fork]\n"
                          "    stop: { eof: 200ms, term: 200ms, lost: 200ms }\n";

class LeakClassOfPrograms : public ProgramsTest {};

TEST_F(LeakClassOfPrograms, L6_a_verb_that_is_interrupted_in_its_call_leaves_no_server) {
  GatewayProcess gateway(kDeaf);
  for (const int blow : {SIGINT, SIGTERM, SIGKILL}) {
    auto words = gateway.global_arguments();
    words.insert(words.begin(), {"call", "s__sleep", "ms=60000"});
    Program verb(program_path("holdfast"), words, gateway.dir() / "call.log");
    EXPECT_TRUE(servers_become(2, 10s)) << to_string(living_servers());
    verb.signal(blow);
    EXPECT_TRUE(verb.wait(5s));
    ASSERT_TRUE(servers_become(0, 10s)) << "signal " << blow << "\n" << to_string(living_servers());
  }
  for (const std::string verb : {"tools", "servers", "status", "ps", "doctor"}) {
    (void)gateway.cli({verb});
    ASSERT_TRUE(servers_become(0, 10s)) << verb << "\n" << to_string(living_servers());
  }
}

// The window was closed; whoever started the client ignores SIGHUP, and so it does.
TEST_F(LeakClassOfPrograms, L8_a_client_whose_terminal_is_gone_lets_its_server_go) {
  GatewayProcess gateway(kDeaf);
  UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(terminal && ::grantpt(terminal.get()) == 0 && ::unlockpt(terminal.get()) == 0);
  std::array<char, 64> name{};
  ASSERT_EQ(::ptsname_r(terminal.get(), name.data(), name.size()), 0);
  UniqueFd inner(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(inner);
  std::string command = "trap '' HUP; exec " + program_path("holdfast") + " connect --server s";
  for (const auto& word : gateway.global_arguments()) command += " " + word;
  std::array<char*, 4> argv{const_cast<char*>("sh"), const_cast<char*>("-c"), command.data(), nullptr};
  const std::array<int, 3> fds{inner.get(), inner.get(), inner.get()};
  os::SpawnOptions options;
  options.path = "/bin/sh";
  options.argv = argv.data();
  options.envp = environ;
  options.fds = fds;
  const auto client = os::spawn(options);
  ASSERT_TRUE(client) << client.error().message();
  inner.reset();
  const std::string_view hello =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}})"
      "\n";
  ASSERT_EQ(::write(terminal.get(), hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
  EXPECT_TRUE(servers_become(2, 10s)) << to_string(living_servers());
  terminal.reset();
  EXPECT_TRUE(servers_become(0, 10s)) << to_string(living_servers());
  EXPECT_TRUE(until([&] { return client->exited(); }, 5s));
}

TEST_F(LeakClassOfPrograms, L20_a_gateway_that_is_pid_1_leaves_no_zombies) {
  const std::string unshare = "/usr/bin/unshare";
  const std::vector<std::string> own_world{"--pid", "--fork", "--mount-proc", "--kill-child"};
  auto tried = own_world;
  tried.emplace_back("true");
  HOLDFAST_NEEDS("pidns", run_program(unshare, tried, 5s).exit.code == 0,
                 "unshare(1) may make no PID namespace");
  auto within = own_world;
  within.insert(within.begin(), unshare);
  GatewayProcess gateway(kDeaf, within);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(gateway.cli({"call", "s__echo", "text=here"}).exit.code, 0) << gateway.log();
  const auto zombies = [] {
    std::size_t count = 0;
    (void)os::for_each_process([&](pid_t pid) {
      const auto stat = os::read_stat(pid);
      if (stat && stat->state == 'Z' && os::is_descendant(pid, ::getpid())) ++count;
    });
    return count;
  };
  EXPECT_TRUE(servers_become(0, 10s)) << to_string(living_servers());
  EXPECT_TRUE(until([&] { return zombies() == 0; }, 5s));
  EXPECT_EQ(gateway.cli({"shutdown"}).exit.code, 0);
}

}  // namespace
}  // namespace holdfast::test
