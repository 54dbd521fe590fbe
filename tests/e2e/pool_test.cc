// The pool on real servers: backoff and parking, the cap on instances, one instance per key, leaks on the way
// in.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "gone_file_system.h"
#include "house.h"
#include "needs.h"
#include "outer.h"

namespace holdfast::test {
namespace {

using custody::TreeState;
using gateway::SessionKind;

config::Config only(config::Server server) {
  config::Config config;
  config.servers.emplace(server.name, std::move(server));
  return config;
}

asio::awaitable<Result<mcp::Reply>> echo(gateway::Session& session) {
  co_return co_await session.request("s", "tools/call", R"({"name":"echo","arguments":{"text":"x"}})", {});
}

std::unique_ptr<gateway::Session> session_of(House& house) {
  return house.gateway->open_session(SessionKind::client, "c");
}

TEST(Pool, L49_a_server_that_cannot_start_backs_off_and_is_parked_with_its_reason) {
  auto server = fixture_server("s");
  server.command = "/bin/false";
  server.restart = {.budget = 2, .per = 60s, .backoff_min = 50ms, .backoff_max = 100ms};
  House house(only(server));
  auto session = session_of(house);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(house.run(session->connect("s")));
  const auto parked = house.run(session->connect("s"));
  ASSERT_FALSE(parked);
  EXPECT_TRUE(parked.error().is(Errc::refused));
  EXPECT_NE(parked.error().message().find("exit 1"), std::string::npos) << parked.error().message();
  EXPECT_EQ(house.gateway->servers().at(0).state, "parked");
  EXPECT_EQ(house.custodian->totals().started, 3);
}

TEST(Pool, a_server_whose_handshake_is_wrong_is_refused_with_what_is_wrong) {
  House house(only(fixture_server("s", {"--version", "1999-01-01"})));
  auto session = session_of(house);
  const auto refused = house.run(session->connect("s"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::protocol));
  EXPECT_NE(refused.error().message().find("s: the server answered with protocol version 1999-01-01"),
            std::string::npos)
      << refused.error().message();
}

// Whoever waits for it gives up at the same moment, and that must not pass for "nobody wanted it any more".
TEST(Pool, L49_a_server_that_never_answers_its_handshake_is_parked_with_that_reason) {
  auto server = fixture_server("s", {"--no-init"});
  server.connect_timeout = 100ms;
  server.restart = {.budget = 2, .per = 60s, .backoff_min = 10ms, .backoff_max = 20ms};
  House house(only(server));
  auto session = session_of(house);
  for (int i = 0; i < 3; ++i) {
    const auto hung = house.run(session->connect("s"));
    ASSERT_FALSE(hung);
    EXPECT_TRUE(hung.error().is(Errc::timeout)) << hung.error().message();
    EXPECT_EQ(hung.error().message(), "s: no answer to initialize in 100ms (connectTimeout)");
  }
  const auto parked = house.run(session->connect("s"));
  ASSERT_FALSE(parked);
  EXPECT_TRUE(parked.error().is(Errc::refused)) << parked.error().message();
  EXPECT_NE(parked.error().message().find("no answer to initialize"), std::string::npos)
      << parked.error().message();
  EXPECT_EQ(house.gateway->servers().at(0).state, "parked");
  EXPECT_EQ(house.custodian->totals().started, 3);
}

TEST(Pool, L49_a_server_that_answers_and_dies_is_not_restarted_without_end) {
  auto server = fixture_server("s", {"--exit-after", "1"});
  server.restart = {.budget = 2, .per = 60s, .backoff_min = 20ms, .backoff_max = 40ms};
  House house(only(server));
  auto session = session_of(house);
  for (int i = 0; i < 30; ++i) (void)house.run(echo(*session));
  EXPECT_LE(house.custodian->totals().started, 4);
  EXPECT_EQ(house.gateway->servers().at(0).state, "parked");
}

TEST(Pool, L45_a_flapping_server_disturbs_no_other) {
  auto bad = fixture_server("bad");
  bad.command = "/bin/false";
  bad.restart = {.budget = 1000, .per = 60s, .backoff_min = 0ms, .backoff_max = 0ms};
  auto config = only(fixture_server("s"));
  config.servers.emplace("bad", bad);
  House house(config);
  auto session = session_of(house);
  ASSERT_TRUE(house.run(echo(*session)));
  const auto pid_of_s = [&] {
    for (const auto& view : house.gateway->instances())
      if (view.server == "s") return view.pid;
    return pid_t{0};
  };
  const pid_t pid = pid_of_s();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(house.run(session->connect("bad")));
  EXPECT_TRUE(house.run(echo(*session)));
  EXPECT_EQ(pid_of_s(), pid);
}

TEST(Pool, L10_at_the_cap_the_longest_idle_one_makes_room_and_else_the_new_one_waits) {
  auto server = fixture_server("s");
  server.max_instances = 2;
  House house(only(server));
  auto a = session_of(house);
  auto b = session_of(house);
  auto c = session_of(house);
  ASSERT_TRUE(house.run(a->connect("s")));
  ASSERT_TRUE(house.run(b->connect("s")));
  std::optional<bool> connected;
  TaskGroup group(house.loop.get_executor());
  const auto wait = [](gateway::Session& session, std::optional<bool>& done) -> asio::awaitable<void> {
    done = (co_await session.connect("s")).has_value();
  };
  group.spawn("third", wait(*c, connected));
  house.turn_for(100ms);
  EXPECT_FALSE(connected) << "the third did not wait";
  EXPECT_EQ(living_servers().size(), 2U);
  a.reset();
  EXPECT_TRUE(house.turn_until([&] { return connected.has_value(); }));
  EXPECT_TRUE(connected.value_or(false));
  EXPECT_EQ(living_servers().size(), 2U) << to_string(living_servers());
}

TEST(Pool, L3_the_next_instance_starts_only_when_the_old_one_is_proven_gone) {
  auto server = fixture_server("s", {"--ignore-eof", "--ignore-term", "--double-fork"});
  server.sharing = config::Sharing::shared;
  server.idle_timeout = 50ms;
  House house(only(server));
  auto session = session_of(house);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(house.run(echo(*session)));
    EXPECT_EQ(living_servers().size(), 2U) << "round " << round << "\n" << to_string(living_servers());
    ASSERT_TRUE(
        house.turn_until([&] { return house.gateway->instances().at(0).state != TreeState::active; }));
  }
  EXPECT_EQ(house.custodian->totals().started, 3);
}

// I6. A helper in state D survives everything until its file system lets go of it.
TEST(Pool, L21_a_tree_that_cannot_be_killed_parks_its_server_until_it_is_proven_gone) {
  std::optional<GoneFileSystem> stuck(GoneFileSystem::Sleep::uninterruptible);
  HOLDFAST_NEEDS("fuse", *stuck, stuck->why_not());
  auto server = fixture_server("s");
  server.args = {"-c", "([ -e " + stuck->path() + "/x ]) & exec " + server.command};
  server.command = "/bin/sh";
  server.sharing = config::Sharing::shared;
  server.idle_timeout = 50ms;
  House house(only(server), {.patience = 300ms});
  auto session = session_of(house);
  ASSERT_TRUE(house.run(session->connect("s")));
  ASSERT_TRUE(stuck->await_sleeper());
  EXPECT_TRUE(house.turn_until([&] { return house.gateway->servers().at(0).state == "parked"; }));
  ASSERT_EQ(house.gateway->instances().size(), 1U);
  EXPECT_EQ(house.gateway->instances().at(0).state, TreeState::unkillable);
  const auto refused = house.run(session->connect("s"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::refused));
  EXPECT_NE(refused.error().message().find("cannot be killed (1 member does not die)"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(living_servers().size(), 1U) << to_string(living_servers());
  EXPECT_EQ(house.custodian->totals().started, 1);

  stuck.reset();
  EXPECT_TRUE(house.turn_until([&] { return house.gateway->instances().empty(); }));
  EXPECT_EQ(house.gateway->servers().at(0).state, "ready");
  EXPECT_TRUE(house.run(session->connect("s")));
  EXPECT_EQ(house.custodian->totals().started, 2);
}

TEST(Pool, parallel_calls_of_one_session_share_one_start) {
  House house(only(fixture_server("s", {"--delay-init", "100"})));
  auto session = session_of(house);
  TaskGroup group(house.loop.get_executor());
  int answered = 0;
  const auto one = [](gateway::Session& s, int& count) -> asio::awaitable<void> {
    if (co_await echo(s)) ++count;
  };
  for (int i = 0; i < 20; ++i) group.spawn("call", one(*session, answered));
  EXPECT_TRUE(house.turn_until([&] { return answered == 20; }));
  EXPECT_EQ(house.custodian->totals().started, 1);
}

TEST(Pool, L4_sessions_ended_at_random_points_of_connecting_leave_nothing) {
  House house(only(fixture_server("s", {"--delay-init", "20"})));
  const auto connect = [](gateway::Session& s) -> asio::awaitable<void> { (void)co_await s.connect("s"); };
  for (int i = 0; i < 60; ++i) {
    auto session = session_of(house);
    TaskGroup group(house.loop.get_executor());
    group.spawn("connect", connect(*session));
    house.turn_for(milliseconds(1 + i % 30));
    if (i % 2 == 0) group.cancel();
    session.reset();
    EXPECT_TRUE(house.turn_until([&] { return group.running() == 0; })) << "round " << i;
  }
  EXPECT_TRUE(house.turn_until([] { return living_descendants().empty(); }, 5s))
      << to_string(living_descendants());
}

TEST(Pool, L23_a_flood_on_stderr_never_wedges_the_server) {
  House house(only(fixture_server("s", {"--flood-stderr"})));
  auto session = session_of(house);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(house.run(echo(*session)));
  std::uintmax_t kept = 0;
  const auto is_on_disk = [&] {
    kept = 0;
    for (const auto& entry : std::filesystem::directory_iterator(house.dir / "logs"))
      if (entry.path().filename().string().find("stderr") != std::string::npos) kept += entry.file_size();
    return kept > 0;
  };
  EXPECT_TRUE(house.turn_until(is_on_disk)) << "it is written by a thread of its own";
  EXPECT_LE(kept, 4U << 20);
}

TEST(Pool, L44_cancelling_one_call_leaves_the_server_and_its_other_calls_alone) {
  auto server = fixture_server("s");
  server.sharing = config::Sharing::shared;
  House house(only(server));
  auto a = session_of(house);
  auto b = session_of(house);
  ASSERT_TRUE(house.run(echo(*a)));
  const pid_t pid = house.gateway->instances().at(0).pid;
  TaskGroup cancelled(house.loop.get_executor());
  const auto sleep = [](gateway::Session& s) -> asio::awaitable<void> {
    (void)co_await s.request("s", "tools/call", R"({"name":"sleep","arguments":{"ms":60000}})", {});
  };
  cancelled.spawn("sleep", sleep(*a));
  ASSERT_TRUE(house.turn_until([&] { return house.gateway->instances().at(0).calls_in_flight == 1; }));
  cancelled.cancel();
  EXPECT_TRUE(house.turn_until([&] { return cancelled.running() == 0; }));
  EXPECT_TRUE(house.run(echo(*b)));
  EXPECT_TRUE(house.run(echo(*a)));
  EXPECT_EQ(house.gateway->instances().at(0).pid, pid);
}

TEST(Pool, tools_that_are_not_offered_are_neither_listed_nor_called) {
  auto server = fixture_server("s");
  server.tools_exclude = {"ec*"};
  House house(only(server));
  auto session = session_of(house);
  const auto listed = house.run(session->tools("s"));
  ASSERT_TRUE(listed && !listed->empty());
  for (const auto& tool : *listed) EXPECT_NE(tool.name, "echo");
  const auto raw = house.run(session->request("s", "tools/list", "{}", {}));
  ASSERT_TRUE(raw && !raw->error);
  EXPECT_EQ(raw->result.find("\"echo\""), std::string::npos) << raw->result;
  const auto called = house.run(echo(*session));
  ASSERT_TRUE(called && called->error);
  EXPECT_EQ(called->error->message, "Unknown tool: echo");
}

// The fixture, begun by a shell that does `first`.
config::Server behind_a_shell(const std::string& first) {
  auto server = fixture_server("s");
  server.args.insert(server.args.begin(), {"-c", first + "\nexec \"$0\" \"$@\"", server.command});
  server.command = "/bin/sh";
  return server;
}

TEST(Pool, L52_an_entrys_limits_hold_its_server_and_servers_says_by_what) {
  HOLDFAST_NEEDS("rlimits", !__has_feature(thread_sanitizer),
                 "ThreadSanitizer's shadow of the server is data beyond any limit");
  auto server = behind_a_shell("echo files $(ulimit -n) data $(ulimit -d) >&2");
  server.limits = {.memory = 256 << 20, .pids = 300, .files = 77, .cpu_percent = {}};
  House house(only(server));
  auto session = session_of(house);
  ASSERT_TRUE(house.run(echo(*session)));
  const auto& here = house.custodian->rung().limits;
  const std::string data = here.memory ? "unlimited" : "262144";
  std::stringstream words;
  EXPECT_TRUE(house.turn_until([&] {
    words << std::ifstream(house.gateway->stderr_log("s")).rdbuf();
    return words.str().contains("files 77 data " + data);
  })) << words.str();
  using Ways = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(house.gateway->servers().at(0).limits,
            (Ways{{"memory", here.memory ? "cgroup" : "rlimit per process"},
                  {"pids", here.pids ? "cgroup" : "not enforced: " + here.why_not},
                  {"files", "rlimit per process"}}));
}

TEST(Pool, L52_a_call_on_a_server_that_ends_at_its_memory_cap_says_so) {
  auto server = behind_a_shell("(sleep 0.3; exec " + program_path("adversaries/hog") +
                               " memory </dev/null >/dev/null) &");
  server.limits.memory = 100 << 20;
  House house(only(server));
  const auto& here = house.custodian->rung().limits;
  HOLDFAST_NEEDS("memory", here.memory, here.why_not);
  auto session = session_of(house);
  const auto call = [](gateway::Session& s) -> asio::awaitable<Result<mcp::Reply>> {
    co_return co_await s.request("s", "tools/call", R"({"name":"sleep","arguments":{"ms":20000}})", {});
  };
  const auto reply = house.run(call(*session));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().message().contains("memory cap")) << reply.error().message();
  EXPECT_TRUE(house.gateway->servers().at(0).reason.contains("memory cap"));
}

// What is under way at a shutdown gets its time: a run may still start what it needs, a client is refused,
// and a start that a call waits for is a call in flight.
TEST(Pool, a_gateway_that_drains_refuses_clients_and_lets_runs_finish) {
  House house(only(fixture_server("s", {"--delay-init", "300"})));
  auto client = session_of(house);
  auto idle = session_of(house);
  auto run = house.gateway->open_session(SessionKind::job, "job/1");
  ASSERT_TRUE(house.run(client->connect("s")));
  house.gateway->close();
  EXPECT_TRUE(house.run(house.gateway->drained(std::chrono::steady_clock::now() + 5s)));
  const auto refused = house.run(echo(*client));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::refused)) << refused.error().message();
  EXPECT_FALSE(house.run(idle->connect("s")));

  TaskGroup group(house.loop.get_executor());
  bool answered = false;
  const auto call = [](gateway::Session& s, bool& done) -> asio::awaitable<void> {
    const auto reply = co_await echo(s);
    done = reply.has_value();
  };
  group.spawn("call", call(*run, answered));
  house.turn_for(milliseconds(50));  // its server is starting, and no call is on the wire yet
  EXPECT_TRUE(house.run(house.gateway->drained(std::chrono::steady_clock::now() + 5s)));
  EXPECT_TRUE(answered) << "it was drained before the call that waited for a start";
}

}  // namespace
}  // namespace holdfast::test
