// What operators ask and what policies do: stop, restart, reload, eviction, lifetimes. Nothing that somebody
// uses ends by any of them, unless by force.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "house.h"

namespace holdfast::test {
namespace {

using gateway::SessionKind;
using std::chrono::steady_clock;
using SessionPtr = std::unique_ptr<gateway::Session>;

config::Config only(config::Server server) {
  config::Config config;
  config.drain = 300ms;
  config.servers.emplace(server.name, std::move(server));
  return config;
}

config::Server shared_server(std::string name, std::vector<std::string> arguments = {}) {
  auto server = fixture_server(std::move(name), std::move(arguments));
  server.sharing = config::Sharing::shared;
  return server;
}

SessionPtr client(House& house, const std::string& label = "chat") {
  return house.gateway->open_session(SessionKind::client, label);
}

asio::awaitable<Result<mcp::Reply>> call(gateway::Session& session, std::string server, std::string params) {
  co_return co_await session.request(server, "tools/call", params, {});
}

// What the server's "pid" tool says: the process that answers.
std::string pid_of(House& house, gateway::Session& session, const std::string& server = "s") {
  const auto reply = house.run(call(session, server, R"({"name":"pid","arguments":{}})"));
  if (!reply) return reply.error().message();
  return nlohmann::json::parse(reply->result)["content"][0]["text"].get<std::string>();
}

// A call that takes its time, in flight beside the test.
struct LongCall {
  LongCall(House& house, gateway::Session& session, int ms) : group(house.loop.get_executor()) {
    group.spawn("call", keep(session, R"({"name":"sleep","arguments":{"ms":)" + std::to_string(ms) + "}}"));
  }
  asio::awaitable<void> keep(gateway::Session& session, std::string params) {
    reply = co_await call(session, "s", params);
  }
  std::optional<Result<mcp::Reply>> reply;
  TaskGroup group;
};

bool in_flight(House& house, int calls) {
  return house.turn_until([&] {
    int n = 0;
    for (const auto& view : house.gateway->instances()) n += view.calls_in_flight;
    return n == calls;
  });
}

bool empty(House& house) {
  return house.turn_until([&] { return house.gateway->instances().empty(); });
}

gateway::StopReport stop(House& house, gateway::StopRequest request = {.reason = "holdfast stop"}) {
  auto report = house.run(house.gateway->stop_server("s", std::move(request)));
  if (!report) throw std::runtime_error(report.error().message());
  return *std::move(report);
}

TEST(Operate, stop_lets_a_call_in_flight_finish_and_the_next_call_starts_anew) {
  auto config = only(shared_server("s"));
  config.drain = 10s;
  House house(config);
  auto a = client(house), b = client(house);
  const auto before = pid_of(house, *a);
  LongCall slow(house, *b, 300);
  ASSERT_TRUE(in_flight(house, 1));
  const auto report = stop(house);
  EXPECT_EQ(report.stopped, 1);
  EXPECT_TRUE(report.left.empty());
  ASSERT_TRUE(slow.reply);
  EXPECT_TRUE(*slow.reply) << slow.reply->error().message();
  EXPECT_NE(pid_of(house, *a), before);
  EXPECT_EQ(house.custodian->totals().started, 2);
}

TEST(Operate, stop_names_who_uses_it_and_ends_nothing_before_they_let_go) {
  House house(only(shared_server("s")));
  auto a = client(house, "chat");
  LongCall slow(house, *a, 1500);
  ASSERT_TRUE(in_flight(house, 1));
  const auto report = stop(house);
  EXPECT_EQ(report.stopped, 0);
  ASSERT_EQ(report.left.size(), 1U);
  EXPECT_EQ(report.left[0].calls_in_flight, 1);
  EXPECT_TRUE(report.left[0].draining);
  EXPECT_EQ(report.left[0].reason, "holdfast stop");
  EXPECT_FALSE(slow.reply);
  EXPECT_TRUE(house.turn_until([&] { return slow.reply.has_value(); }));
  EXPECT_TRUE(slow.reply->has_value()) << slow.reply->error().message();
  EXPECT_TRUE(empty(house));
}

// Between two of its steps a run holds a server without calling it.
TEST(Operate, stop_spares_what_a_run_of_a_job_holds_until_the_run_has_ended) {
  House house(only(shared_server("s")));
  auto run = house.gateway->open_session(SessionKind::job, "digest/17");
  auto chat = client(house);
  const auto before = pid_of(house, *run);
  const auto report = stop(house);
  ASSERT_EQ(report.left.size(), 1U);
  ASSERT_EQ(report.left[0].leases.size(), 1U);
  EXPECT_EQ(report.left[0].leases[0].label, "digest/17");
  EXPECT_EQ(pid_of(house, *run), before) << "its next step met another server";
  LongCall waiting(house, *chat, 0);
  house.turn_for(50ms);
  EXPECT_FALSE(waiting.reply) << "a draining instance took a new lease";
  run.reset();
  EXPECT_TRUE(house.turn_until([&] { return waiting.reply.has_value(); }));
  EXPECT_TRUE(waiting.reply->has_value()) << waiting.reply->error().message();
  EXPECT_EQ(house.custodian->totals().started, 2);
}

TEST(Operate, force_ends_what_is_in_use_and_the_call_says_why) {
  House house(only(shared_server("s", {"--ignore-eof"})));
  auto a = client(house);
  LongCall slow(house, *a, 60'000);
  ASSERT_TRUE(in_flight(house, 1));
  const auto report = stop(house, {.reason = "holdfast stop --force", .force = true});
  EXPECT_EQ(report.stopped, 1);
  EXPECT_TRUE(house.turn_until([&] { return slow.reply.has_value(); }));
  ASSERT_FALSE(*slow.reply);
  EXPECT_NE(slow.reply->error().message().find("holdfast stop --force"), std::string::npos)
      << slow.reply->error().message();
}

TEST(Operate, restart_forgives_what_failed) {
  auto server = fixture_server("s");
  server.command = "/bin/false";
  server.restart = {.budget = 0, .per = 60s, .backoff_min = 50ms, .backoff_max = 100ms};
  House house(only(server));
  auto a = client(house);
  EXPECT_FALSE(house.run(a->connect("s")));
  EXPECT_EQ(house.gateway->servers().at(0).state, "parked");
  EXPECT_TRUE(stop(house, {.reason = "holdfast restart", .forgive = true}).left.empty());
  EXPECT_EQ(house.gateway->servers().at(0).state, "ready");
  EXPECT_FALSE(house.run(a->connect("s")));
  EXPECT_EQ(house.custodian->totals().started, 2) << "it was not tried again";
}

TEST(Operate, who_waits_for_a_start_that_is_replaced_gets_the_next_one) {
  House house(only(shared_server("s", {"--delay-init", "200"})));
  auto a = client(house);
  LongCall waiting(house, *a, 0);
  house.turn_for(50ms);
  EXPECT_EQ(stop(house).stopped, 1);
  EXPECT_TRUE(house.turn_until([&] { return waiting.reply.has_value(); }));
  EXPECT_TRUE(waiting.reply->has_value()) << waiting.reply->error().message();
  EXPECT_EQ(house.custodian->totals().started, 2);
}

TEST(Operate, an_unknown_server_is_not_found) {
  House house(only(fixture_server("s")));
  const auto report = house.run(house.gateway->stop_server("t", {.reason = "x"}));
  ASSERT_FALSE(report);
  EXPECT_TRUE(report.error().is(Errc::not_found));
}

TEST(Reload, an_unchanged_server_keeps_its_instances_and_leases) {
  auto config = only(shared_server("s"));
  config.servers.emplace("own", fixture_server("own"));
  config.servers.emplace("t", shared_server("t"));
  House house(config);
  auto a = client(house);
  const auto pid = pid_of(house, *a), own = pid_of(house, *a, "own"), other = pid_of(house, *a, "t");
  LongCall slow(house, *a, 200);
  ASSERT_TRUE(in_flight(house, 1));
  config.servers.at("t").env["X"] = "1";
  config.servers.emplace("u", shared_server("u"));
  house.gateway->reload(config);
  for (const auto& view : house.gateway->instances()) {
    if (view.server == "t") continue;
    EXPECT_TRUE(view.state == custody::TreeState::active && !view.draining) << view.server;
    EXPECT_EQ(view.leases.size(), 1U) << view.server;
  }
  EXPECT_EQ(pid_of(house, *a), pid);
  EXPECT_EQ(pid_of(house, *a, "own"), own);
  EXPECT_NE(pid_of(house, *a, "t"), other);
  EXPECT_NE(pid_of(house, *a, "u"), "");
  EXPECT_TRUE(house.turn_until([&] { return slow.reply.has_value(); }));
  EXPECT_TRUE(slow.reply->has_value());
}

TEST(Reload, L2_a_changed_shared_server_finishes_its_calls_and_is_replaced) {
  auto config = only(shared_server("s"));
  House house(config);
  auto a = client(house), b = client(house);
  const auto before = pid_of(house, *a);
  LongCall slow(house, *a, 300);
  ASSERT_TRUE(in_flight(house, 1));
  config.servers.at("s").env["X"] = "new";
  house.gateway->reload(config);
  const auto reply = house.run(call(*b, "s", R"({"name":"env","arguments":{"name":"X"}})"));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_NE(reply->result.find("\"new\""), std::string::npos) << reply->result;
  ASSERT_TRUE(slow.reply) << "the next instance began before the call in flight had ended";
  EXPECT_TRUE(slow.reply->has_value()) << slow.reply->error().message();
  EXPECT_NE(pid_of(house, *a), before);
}

TEST(Reload, a_sessions_own_copy_stays_until_the_session_lets_go) {
  auto config = only(fixture_server("s"));
  House house(config);
  auto a = client(house);
  const auto before = pid_of(house, *a);
  config.servers.at("s").env["X"] = "new";
  house.gateway->reload(config);
  auto b = client(house);
  EXPECT_EQ(pid_of(house, *a), before);
  const auto reply = house.run(call(*b, "s", R"({"name":"env","arguments":{"name":"X"}})"));
  ASSERT_TRUE(reply);
  EXPECT_NE(reply->result.find("\"new\""), std::string::npos) << reply->result;
  a.reset();
  EXPECT_TRUE(house.turn_until([&] { return house.gateway->instances().size() == 1; }));
}

TEST(Reload, L9_a_removed_server_serves_its_holders_on_and_nobody_else) {
  auto config = only(shared_server("s"));
  House house(config);
  auto a = client(house), b = client(house);
  const auto before = pid_of(house, *a);
  config.servers.clear();
  house.gateway->reload(config);
  EXPECT_TRUE(house.gateway->instances().at(0).draining);
  EXPECT_EQ(pid_of(house, *a), before);
  const auto refused = house.run(b->connect("s"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::not_found));
  a.reset();
  EXPECT_TRUE(empty(house));
}

TEST(Reload, a_removed_server_can_be_seen_and_stopped_until_its_last_instance_is_gone) {
  auto config = only(shared_server("s"));
  House house(config);
  auto a = client(house);
  (void)pid_of(house, *a);
  config.servers.clear();
  house.gateway->reload(config);
  ASSERT_EQ(house.gateway->servers().size(), 1U);
  EXPECT_EQ(house.gateway->servers().at(0).state, "removed");
  EXPECT_EQ(house.gateway->servers().at(0).instances, 1);
  EXPECT_TRUE(house.gateway->has_server("s"));
  EXPECT_EQ(stop(house).stopped, 1);
  EXPECT_TRUE(house.gateway->servers().empty());
  EXPECT_FALSE(house.gateway->has_server("s"));
  EXPECT_TRUE(empty(house));
}

TEST(Reload, a_server_that_comes_back_is_served_again) {
  auto config = only(shared_server("s"));
  const auto before = config;
  House house(config);
  auto a = client(house);
  const auto pid = pid_of(house, *a);
  config.servers.clear();
  house.gateway->reload(config);
  house.gateway->reload(before);
  EXPECT_TRUE(house.gateway->has_server("s"));
  EXPECT_NE(pid_of(house, *a), pid);
}

TEST(Reload, every_call_of_a_session_that_waits_for_a_start_gets_the_next_one) {
  auto config = only(fixture_server("s", {"--delay-init", "200"}));
  House house(config);
  auto a = client(house);
  LongCall first(house, *a, 0);
  house.turn_for(50ms);
  config.servers.at("s").env["X"] = "new";
  house.gateway->reload(config);
  LongCall second(house, *a, 0);
  EXPECT_TRUE(house.turn_until([&] { return first.reply && second.reply; }));
  for (const auto* waiting : {&first, &second})
    EXPECT_TRUE(waiting->reply && *waiting->reply)
        << (waiting->reply ? waiting->reply->error().message() : "no answer");
  const auto reply = house.run(call(*a, "s", R"({"name":"env","arguments":{"name":"X"}})"));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_NE(reply->result.find("\"new\""), std::string::npos) << reply->result;
}

// Somebody waits in the middle of whatever a reload takes away.
TEST(Reload, reloads_at_random_points_of_connecting_leave_nothing_and_break_nothing) {
  auto config = only(shared_server("s", {"--delay-init", "10"}));
  House house(config);
  for (int i = 0; i < 40; ++i) {
    auto a = client(house);
    LongCall waiting(house, *a, 1);
    house.turn_for(milliseconds(1 + i % 20));
    if (i % 4 == 0) {
      auto without = config;
      without.servers.clear();
      house.gateway->reload(without);
    }
    config.servers.at("s").env["X"] = std::to_string(i);
    house.gateway->reload(config);
    EXPECT_TRUE(house.turn_until([&] { return waiting.reply.has_value(); }));
    EXPECT_TRUE(waiting.reply->has_value()) << i << ": " << waiting.reply->error().message();
  }
}

TEST(Policy, L43_maxLifetime_recycles_and_never_during_a_call) {
  auto server = shared_server("s");
  server.max_lifetime = 200ms;
  House house(only(server));
  auto a = client(house);
  const auto before = pid_of(house, *a);
  LongCall slow(house, *a, 600);
  ASSERT_TRUE(in_flight(house, 1));
  EXPECT_TRUE(house.turn_until([&] { return slow.reply.has_value(); }));
  EXPECT_TRUE(slow.reply->has_value()) << slow.reply->error().message();
  EXPECT_NE(pid_of(house, *a), before);
  EXPECT_TRUE(house.gateway->instances().at(0).stop_at);
}

TEST(Policy, a_serial_server_gets_one_call_at_a_time) {
  auto server = shared_server("s");
  server.serial = true;
  House house(only(server));
  auto a = client(house), b = client(house), c = client(house);
  (void)pid_of(house, *a);
  const auto begin = steady_clock::now();
  LongCall first(house, *a, 200), second(house, *b, 200), given_up(house, *c, 200);
  ASSERT_TRUE(in_flight(house, 3));
  given_up.group.cancel();
  EXPECT_TRUE(house.turn_until([&] { return first.reply && second.reply && given_up.reply; }));
  EXPECT_TRUE(*first.reply && *second.reply);
  EXPECT_FALSE(*given_up.reply);
  EXPECT_GE(steady_clock::now() - begin, 400ms) << "two calls were on the wire at once";
}

TEST(Policy, at_the_cap_a_new_session_hears_why_when_its_patience_ends) {
  auto server = fixture_server("s");
  server.max_instances = 1;
  server.connect_timeout = 300ms;
  House house(only(server));
  auto a = client(house), b = client(house);
  ASSERT_TRUE(house.run(a->connect("s")));
  const auto late = house.run(b->connect("s"));
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().is(Errc::timeout));
  EXPECT_NE(late.error().message().find("all of 1 instance in use (maxInstances)"), std::string::npos)
      << late.error().message();
}

TEST(Policy, idleness_never_stops_a_background_server) {
  auto server = shared_server("s");
  server.idle_timeout = 50ms;
  server.background = true;
  House house(only(server));
  auto a = client(house);
  const auto before = pid_of(house, *a);
  house.turn_for(200ms);
  EXPECT_FALSE(house.gateway->evict_idle("memory is short"));
  EXPECT_EQ(pid_of(house, *a), before);
  a.reset();
  house.turn_for(200ms);
  EXPECT_FALSE(house.gateway->evict_idle("memory is short")) << "it works on";
  EXPECT_EQ(house.gateway->instances().size(), 1U);
}

TEST(Evict, the_longest_idle_goes_first_and_what_is_held_never) {
  config::Config config;
  for (const char* name : {"s", "t", "u"}) config.servers.emplace(name, shared_server(name));
  House house(config);
  auto holder = client(house), a = client(house), b = client(house);
  (void)pid_of(house, *holder, "s");
  (void)pid_of(house, *a, "t");
  (void)pid_of(house, *b, "u");
  b.reset();  // u is idle first, t second; s is held, and has been silent for longest
  house.turn_for(20ms);
  a.reset();
  const auto alive = [&](const std::string& server) {
    for (const auto& view : house.gateway->instances())
      if (view.server == server && view.state == custody::TreeState::active) return true;
    return false;
  };
  EXPECT_TRUE(house.gateway->evict_idle("memory is short"));
  EXPECT_TRUE(alive("s"));
  EXPECT_TRUE(alive("t"));
  EXPECT_FALSE(alive("u"));
  for (const auto& view : house.gateway->instances())
    if (view.server == "u") EXPECT_EQ(view.reason, "memory is short");
  EXPECT_TRUE(house.gateway->evict_idle("memory is short"));
  EXPECT_FALSE(alive("t"));
  EXPECT_FALSE(house.gateway->evict_idle("memory is short"));
  EXPECT_TRUE(alive("s")) << "somebody held it";
}

}  // namespace
}  // namespace holdfast::test
