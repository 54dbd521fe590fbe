// Many clients of one server that all use the same ids and progress tokens at the same moment, and clients
// that cancel at the moment of the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/log.h"
#include "census.h"
#include "desk.h"
#include "os/process.h"
#include "os/procfs.h"
#include "outer.h"

namespace holdfast::test {
namespace {

using std::chrono::steady_clock;

class Shared : public testing::Test {
 protected:
  Shared() : desk_(config()) { log::configure(log::Level::error, log::Format::text); }
  static config::Config config() {
    auto server = hostile_server("s");
    server.sharing = config::Sharing::shared;
    return config_of({server});
  }
  Desk desk_;
};

// ---------------------------------------------------------------------------------------------------------

constexpr int kClients = 50;
const std::vector<std::string> kIds{"0", "1", R"("1")", "1.0", R"("")", "-1", R"("\u0041")"};
const std::vector<std::string> kTokens{"0", "1", R"("1")", "1.0", R"("")", "-1", R"("\u0041")"};

class SameIds : public Shared {
 protected:
  struct Call {
    std::string id, token, text;
    AskedPtr asked;
  };
  // All clients' calls, so that the server has every one of them before it answers the first.
  std::vector<Call> ask_at_once(int round) {
    std::vector<Call> calls;
    const auto most = std::to_string(sessions_.size() * kIds.size());
    for (std::size_t client = 0; client < sessions_.size(); ++client)
      for (std::size_t i = 0; i < kIds.size(); ++i) {
        Call call{.id = kIds[i],
                  .token = kTokens[i],
                  .text = std::to_string(round) + "/" + std::to_string(client) + "/" + std::to_string(i),
                  .asked = {}};
        call.asked = desk_.post(
            "s", sessions_[client],
            R"({"jsonrpc":"2.0","id":)" + call.id +
                R"(,"method":"tools/call","params":{"name":"gather","arguments":{"text":")" + call.text +
                R"(","of":)" + most + R"(},"_meta":{"progressToken":)" + call.token + "}}}",
            true);
        calls.push_back(std::move(call));
      }
    return calls;
  }
  std::vector<std::string> sessions_;
};

TEST_F(SameIds, of_fifty_clients_of_one_server_bring_each_its_own_answer_and_progress) {
  for (int i = 0; i < kClients; ++i) sessions_.push_back(desk_.open("s"));
  const auto end = steady_clock::now() + patience(30s);
  for (int round = 0; round < 5; ++round) {
    for (const Call& call : ask_at_once(round)) {
      ASSERT_TRUE(desk_.wait(call.asked, std::chrono::duration_cast<milliseconds>(end - steady_clock::now())))
          << call.text << " of id " << call.id << " has no answer";
      const auto said = call.asked->messages();
      ASSERT_EQ(said.size(), 2U) << call.asked->body;
      EXPECT_EQ(said[0], R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"message":")" +
                             call.text + R"(","progress":1,"progressToken":)" + call.token + "}}");
      EXPECT_TRUE(is_result_of(said[1], call.id)) << said[1];
      EXPECT_EQ(text_of(said[1]), call.text);
    }
  }
  EXPECT_EQ(living_servers().size(), 1U) << to_string(living_servers());
}

// ---------------------------------------------------------------------------------------------------------

constexpr int kRounds = 20'000, kWarm = 1'000;
constexpr std::int64_t kGrowth = 2 << 20;  // bytes: less than the text of each round would be

// Whether memory grew: from the kernel's books.
bool grew(std::int64_t before, std::int64_t after) { return after > before + kGrowth; }

std::int64_t own_memory() { return os::pss_anon_bytes(os::own_pid()).value_or(0); }

class CancelRace : public Shared {
 protected:
  // One call, and when the loop has run so many handlers its client cancels it, or hangs up. True: it had its
  // answer by then.
  bool is_answered(int round, int handlers) {
    const std::string text = "round " + std::to_string(round) + std::string(100, '.');
    const auto asked =
        desk_.post("s", session_, tool_call("7", "echo", R"({"text":")" + text + "\"}"), round % 2 == 0);
    for (int i = 0; i < handlers && !asked->over; ++i) {
      desk_.house.loop.restart();
      (void)desk_.house.loop.run_one_for(1ms);
    }
    if (round % 4 == 3) {
      const bool answered = asked->over;
      asked->task.cancel();
      EXPECT_TRUE(desk_.wait(asked)) << text;
      desk_.settle();  // its id is free then
      return answered;
    }
    const auto cancelled = desk_.post(
        "s", session_, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
    EXPECT_TRUE(desk_.wait(asked) && desk_.wait(cancelled)) << text;
    EXPECT_EQ(cancelled->status, 202U);
    if (asked->status == 202) {
      EXPECT_EQ(asked->body, "") << text;
      return false;
    }
    EXPECT_EQ(asked->status, 200U) << text;
    const auto said = asked->messages();
    EXPECT_EQ(said.size(), 1U) << asked->body;
    EXPECT_TRUE(!said.empty() && is_result_of(said[0], "7") && text_of(said[0]) == text) << asked->body;
    return true;
  }
  std::string session_ = desk_.open("s");
};

TEST_F(CancelRace, with_the_answer_has_one_outcome_and_leaves_the_server_and_nothing_else) {
  const std::string pid = desk_.call("s", session_, "pid");
  const auto stream =
      desk_.send("GET", "/mcp/s", "", {{"Accept", "text/event-stream"}, {"Mcp-Session-Id", session_}});
  std::minstd_rand chance(1);
  int handlers = 10, answered = 0;
  std::int64_t before = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    if (round == kWarm) before = own_memory();
    // Where about every second one comes too late is where the two meet.
    const bool late = is_answered(round, handlers + static_cast<int>(chance() % 5));
    answered += late ? 1 : 0;
    handlers = std::max(0, handlers + (late ? -1 : 1));
    if (round % 100 == 0) EXPECT_EQ(desk_.call("s", session_, "echo", R"({"text":"still"})"), "still");
  }
  RecordProperty("answered", answered);
  EXPECT_GT(answered, kRounds / 10) << "the cancellation was never too late";
  EXPECT_LT(answered, kRounds * 9 / 10) << "it was never in time";
  EXPECT_FALSE(grew(before, own_memory())) << before << " bytes became " << own_memory();
  EXPECT_EQ(desk_.call("s", session_, "pid"), pid);
  EXPECT_EQ(desk_.house.gateway->instances().at(0).calls_in_flight, 0);
  EXPECT_THAT(stream->messages(), testing::IsEmpty()) << "no answer goes where nothing was asked";
}

TEST(CancelRaceControl, what_grows_is_seen) {
  const auto before = own_memory();
  const std::string kept(2 * kGrowth, 'x');
  EXPECT_TRUE(grew(before, own_memory())) << kept.size();
}

}  // namespace
}  // namespace holdfast::test
