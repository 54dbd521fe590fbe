// A wrapper that hands its pipes over and leaves: its successor is asked whether it answers. And what is said
// of a server that ended where the kernel has killed for want of memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/test_support.h"
#include "fake_custody.h"
#include "gateway/gateway.h"
#include "virtual_time.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

config::Config one_server() {
  config::Config config;
  auto& server = config.servers["s"];
  server.name = "s";
  server.command = "/fake";
  server.call_timeout = 100s;
  return config;
}

class Successor : public testing::Test {
 protected:
  template <class T>
  void begin(asio::awaitable<T> task, std::optional<T>& answer) {
    tasks.spawn("test", store_answer(std::move(task), answer));
    settle(loop);
  }
  // A session with one call in flight on a server that reads nothing any more.
  void SetUp() override {
    begin(session->connect("s"), connected);
    custodian.decide(*custodian.starts.front(), true);
    settle(loop);
    tree = custodian.all.at(0);
    const std::string hello = tree->hear();
    const auto id = hello.find("\"id\":") + 5;
    tree->say(
        R"({"jsonrpc":"2.0","id":)" + hello.substr(id, hello.find_first_of(",}", id) - id) +
        R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"f","version":"1"}}})"
        "\n");
    settle(loop);
    ASSERT_TRUE(connected && *connected);
    begin(session->request("s", "tools/call", R"({"name":"t","arguments":{}})", {}), called);
    (void)hear();
  }
  void TearDown() override {
    session.reset();
    settle(loop);
    tree->prove();
    settle(loop);
  }
  std::string hear() {
    std::string all, some;
    do {
      all += some;
      settle(loop);
    } while (!(some = tree->hear()).empty());
    return all;
  }

  TempDir logs;
  asio::io_context loop;
  FakeCustodian custodian{loop};
  std::unique_ptr<gateway::Gateway> gateway =
      gateway::Gateway::create(loop, custodian, one_server(), {.log_dir = logs.path()});
  std::unique_ptr<gateway::Session> session = gateway->open_session(gateway::SessionKind::client, "c");
  std::optional<Result<mcp::InitializeResult>> connected;
  std::optional<Result<mcp::Reply>> called;
  std::shared_ptr<FakeTree> tree;
  TaskGroup tasks{loop.get_executor()};
};

TEST_F(Successor, that_is_busy_with_a_call_is_asked_until_it_answers) {
  tree->hand_over();
  EXPECT_NE(hear().find("\"ping\""), std::string::npos);
  pass(5s);
  EXPECT_NE(hear().find("\"ping\""), std::string::npos);
  EXPECT_FALSE(called);
  EXPECT_EQ(tree->state(), custody::TreeState::active);
}

// I9. Without a pause the loop would never turn again, and this test would not end.
TEST_F(Successor, whose_queue_is_full_is_asked_again_after_a_pause) {
  for (std::size_t size = std::size_t{64} << 20; size > 0; size /= 2)
    while (session->notify("s", "n", R"({"x":")" + std::string(size, 'x') + "\"}")) {
    }
  while (session->notify("s", "n", "")) {
  }
  tree->hand_over();
  settle(loop);
  EXPECT_EQ(hear().find("\"ping\""), std::string::npos);
  pass(5s);
  EXPECT_NE(hear().find("\"ping\""), std::string::npos);
  EXPECT_FALSE(called);
  EXPECT_EQ(tree->state(), custody::TreeState::active);
}

class WantOfMemory : public Successor {
 protected:
  [[nodiscard]] std::string reason() const { return gateway->servers().at(0).reason; }
  static constexpr const char* kOld = "killed by the kernel for want of memory";
};

TEST_F(WantOfMemory, of_a_helper_long_ago_is_not_the_reason_of_an_exit) {
  tree->memory_kill = kOld;
  tree->crash({.code = 1});
  settle(loop);
  EXPECT_THAT(reason(), ::testing::StartsWith("the server ended by itself ("));
  EXPECT_THAT(reason(), ::testing::Not(::testing::HasSubstr(kOld)));
}

TEST_F(WantOfMemory, is_the_reason_of_an_end_by_sigkill) {
  tree->memory_kill = kOld;
  tree->crash({.signal = SIGKILL});
  settle(loop);
  EXPECT_EQ(reason(), kOld);
}

TEST_F(WantOfMemory, is_told_behind_the_end_of_a_channel_and_not_in_its_place) {
  tree->memory_kill = kOld;
  tree->close_output();
  settle(loop);
  EXPECT_THAT(reason(), ::testing::StartsWith("its channel closed: "));
  EXPECT_THAT(reason(), ::testing::EndsWith(std::string("; ") + kOld));
  EXPECT_FALSE(called) << "how it ended may be told still";
  pass(1s);
  settle(loop);
  ASSERT_TRUE(called && !*called);
  EXPECT_THAT(called->error().message(), ::testing::StartsWith("s: " + reason()));
}

TEST_F(Successor, of_which_nobody_knows_more_than_the_end_of_its_channel_until_its_exit_is_told) {
  tree->close_output();
  settle(loop);
  tree->crash({.code = 3});
  settle(loop);
  ASSERT_TRUE(called && !*called);
  EXPECT_EQ(called->error().message(), "s: its channel closed: the server closed its output (exit 3)");
  EXPECT_EQ(gateway->servers().at(0).reason, "its channel closed: the server closed its output (exit 3)");
}

TEST_F(WantOfMemory, is_told_behind_the_exit_of_one_that_never_answered) {
  tree->crash();
  settle(loop);
  tree->prove();
  settle(loop);
  std::optional<Result<mcp::InitializeResult>> again;
  begin(session->connect("s"), again);
  pass(5s);
  settle(loop);
  ASSERT_FALSE(custodian.starts.empty());
  custodian.decide(*custodian.starts.front(), true);
  settle(loop);
  tree = custodian.all.at(1);
  tree->memory_kill = kOld;
  tree->crash({.signal = SIGKILL});
  pass(1s);
  settle(loop);
  ASSERT_TRUE(again && !*again);
  EXPECT_THAT(again->error().message(),
              ::testing::ContainsRegex(std::string("s ended before it answered \\(.*\\); ") + kOld));
}

}  // namespace
}  // namespace holdfast::test
