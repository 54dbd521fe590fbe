// A server that dies by itself, at every moment of its life: what is in flight fails at once and says why,
// the next call starts another one, and of the dead one nothing is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/log.h"
#include "base/test_support.h"
#include "census.h"
#include "desk.h"
#include "outer.h"

namespace holdfast::test {
namespace {

using config::Sharing;
using testing::HasSubstr;

constexpr milliseconds kAtOnce = 2s;

// The parameter: whether its sessions share it.
class Crash : public testing::TestWithParam<bool> {
 protected:
  // `phase`: at which the first of its lives ends; empty: when it is told to.
  void open(const std::string& phase = "") {
    log::configure(log::Level::error, log::Format::text);
    auto server = hostile_server("s");
    if (!phase.empty()) server.args = {"--die", phase, "--once", (marks_.path() / phase).string()};
    server.sharing = GetParam() ? Sharing::shared : Sharing::session;
    server.restart = {.budget = 10, .per = 60s, .backoff_min = 0ms, .backoff_max = 1ms};
    server.call_timeout = 60s;
    desk_.emplace(config_of({server}));
  }
  AskedPtr ask(const std::string& session, const std::string& message) {
    return desk_->post("s", session, message);
  }
  AskedPtr initialize() {
    return ask("",
               R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})");
  }
  // The answer to a call that its server's end has to fail.
  void expect_failed(const AskedPtr& asked, const std::string& id) {
    ASSERT_TRUE(desk_->wait(asked, patience(kAtOnce))) << "it did not fail at once";
    EXPECT_TRUE(is_error_of(asked->body, id, -32603)) << asked->body;
    EXPECT_THAT(asked->body, HasSubstr("SIGABRT")) << "it does not say why";
  }
  void expect_nobody_left() {
    EXPECT_TRUE(desk_->house.turn_until([] { return living_descendants().empty(); }, 5s))
        << to_string(living_descendants());
  }
  void expect_served(const std::string& session) {
    EXPECT_EQ(desk_->call("s", session, "echo", R"({"text":"anew"})"), "anew");
    EXPECT_EQ(living_servers().size(), 1U) << to_string(living_servers());
  }
  // With calls in flight that are not the one it dies of, of every session that the server has.
  void dies_when(const std::string& when, bool answers) {
    open();
    const std::string a = desk_->open("s");
    const std::string b = GetParam() ? desk_->open("s") : a;
    const auto first = ask(a, tool_call(R"("one")", "hang", "{}")),
               second = ask(b, tool_call("2", "hang", "{}"));
    const std::string pid = desk_->call("s", a, "pid");
    const auto last = ask(b, tool_call("3", "die", R"({"when":")" + when + "\"}"));
    if (answers) {
      ASSERT_TRUE(desk_->wait(last, kAtOnce));
      EXPECT_EQ(text_of(last->body), "last words") << "what it said before its end counts";
    } else {
      expect_failed(last, "3");
    }
    expect_failed(first, R"("one")");
    expect_failed(second, "2");
    expect_nobody_left();
    EXPECT_NE(desk_->call("s", a, "pid"), pid);
    expect_served(b);
  }

  TempDir marks_;
  std::optional<Desk> desk_;
};

TEST_P(Crash, before_it_has_read_anything_fails_the_client_that_waits_for_it) {
  open("start");
  expect_failed(initialize(), "0");
  expect_nobody_left();
  expect_served(desk_->open("s"));
}

TEST_P(Crash, instead_of_an_answer_to_initialize_fails_everybody_who_waits_for_it) {
  open("initialize");
  const auto first = initialize();
  std::optional<AskedPtr> second;
  if (GetParam()) second = initialize();
  expect_failed(first, "0");
  if (second) expect_failed(*second, "0");
  expect_nobody_left();
  expect_served(desk_->open("s"));
}

// The handshake has succeeded by then: a call may meet the dying one, and fails, or the next.
TEST_P(Crash, after_initialize_costs_one_call_at_most) {
  open("initialized");
  const std::string session = desk_->open("s");
  const auto call = ask(session, tool_call("1", "echo", R"({"text":"x"})"));
  ASSERT_TRUE(desk_->wait(call, kAtOnce));
  if (text_of(call->body) != "x") expect_failed(call, "1");
  expect_served(session);
}

TEST_P(Crash, in_a_call_fails_all_that_are_in_flight) { dies_when("now", false); }
TEST_P(Crash, in_the_middle_of_a_line_is_no_answer) { dies_when("half", false); }
TEST_P(Crash, after_an_answer_does_not_take_it_back) { dies_when("after", true); }

TEST_P(Crash, in_a_listing_fails_it_and_the_next_one_is_served) {
  open("list");
  const std::string session = desk_->open("s");
  const std::string list = R"({"jsonrpc":"2.0","id":"l","method":"tools/list"})";
  expect_failed(ask(session, list), R"("l")");
  expect_nobody_left();
  const auto again = ask(session, list);
  ASSERT_TRUE(desk_->wait(again, kAtOnce));
  EXPECT_TRUE(is_result_of(again->body, R"("l")")) << again->body;
  expect_served(session);
}

// Its end was asked for: how it ends then is nobody's failure.
TEST_P(Crash, at_the_end_of_its_input_is_an_end_like_any_other) {
  open("eof");
  const std::string session = desk_->open("s");
  expect_served(session);
  if (GetParam()) {
    const auto stop = [](gateway::Gateway& gateway) -> asio::awaitable<Result<gateway::StopReport>> {
      co_return co_await gateway.stop_server("s", {.reason = "test"});
    };
    EXPECT_TRUE(desk_->house.run(stop(*desk_->house.gateway)));
  } else {
    const auto ended = desk_->send("DELETE", "/mcp/s", "", {{"Mcp-Session-Id", session}});
    ASSERT_TRUE(desk_->wait(ended));
    EXPECT_EQ(ended->status, 204U);
  }
  expect_nobody_left();
  EXPECT_TRUE(std::filesystem::exists(marks_.path() / "eof")) << "it did not die as it was to";
  EXPECT_EQ(desk_->house.gateway->servers().at(0).failures, 0);
  expect_served(desk_->open("s"));
}

INSTANTIATE_TEST_SUITE_P(OfA, Crash, testing::Bool(), [](const auto& info) {
  return info.param ? "shared_server" : "sessions_own_server";
});

}  // namespace
}  // namespace holdfast::test
