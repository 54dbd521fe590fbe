#include "cli/connect.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "base/unique_fd.h"
#include "front/fakes.h"

namespace holdfast::cli {
namespace {

using namespace front::testing_tools;

constexpr const char* kInitialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"t"}}})"
    "\n";

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }
};

// The bridge on a thread, with the test as its client.
struct ConnectTest : testing::Test {
  FakeFront front;
  Pipe in, out;
  std::ostringstream printed, err;
  std::string pending;
  std::thread bridge;
  int code = -1;
  milliseconds come_back{0};

  void start(const std::string& server = "memory", std::string socket = {}, std::size_t in_flight = 64,
             std::size_t line_limit = 64U << 20) {
    if (socket.empty()) socket = front.path.string();
    bridge = std::thread([this, server, socket, in_flight, line_limit] {
      Context context{.terminal = {.out = printed, .err = err},
                      .paths = {.config = {}, .state_dir = front.dir.path.string(), .socket = socket},
                      .json = false,
                      .action = {}};
      code = connect(context, server,
                     {.in = in.read.get(),
                      .out = out.write.get(),
                      .requests_in_flight = in_flight,
                      .line_limit = line_limit,
                      .last_answers = 2000ms,
                      .come_back = come_back});
      out.write.reset();
    });
  }
  int end() {
    in.write.reset();
    return join();
  }
  int join() {
    if (bridge.joinable()) bridge.join();
    return code;
  }
  ~ConnectTest() override { end(); }
  void say(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::write(in.write.get(), text.data(), text.size());
      ASSERT_GT(n, 0);
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // The handshake, and a call that is under way until it is cancelled.
  void call_slowly() {
    say(kInitialize);
    line();
    say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"
        "\n");
    ASSERT_TRUE(eventually([&] { return front.counts.requests == 1; }));
  }
  // One line; empty at the end or after 10 s.
  std::string line() {
    for (;;) {
      if (const auto end = pending.find('\n'); end != std::string::npos) {
        std::string got = pending.substr(0, end);
        pending.erase(0, end + 1);
        return got;
      }
      pollfd set{out.read.get(), POLLIN, 0};
      if (::poll(&set, 1, 10'000) <= 0) return "";
      char chunk[65536];
      const auto n = ::read(out.read.get(), chunk, sizeof chunk);
      if (n <= 0) return "";
      pending.append(chunk, static_cast<std::size_t>(n));
    }
  }
};

TEST_F(ConnectTest, lines_go_in_and_answers_come_out_and_the_end_of_input_ends_the_session) {
  start();
  say(kInitialize);
  EXPECT_NE(line().find(R"("serverInfo":{"name":"fake","version":"1"})"), std::string::npos);
  say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\r\n\n");
  say(R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"echo"}})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":"x","result":{"name":"echo"}})");
  EXPECT_EQ(front.counts.ended, 0);
  EXPECT_EQ(end(), 0) << err.str();
  EXPECT_EQ(front.counts.ended, 1);
  EXPECT_EQ(printed.str() + err.str(), "");
}

TEST_F(ConnectTest, a_script_piped_in_at_once_gets_all_its_answers) {
  start();
  std::string script = kInitialize;
  for (int i = 1; i <= 200; ++i) {
    script += R"({"jsonrpc":"2.0","id":)" + std::to_string(i) +
              R"(,"method":"tools/call","params":{"name":"echo"}})" + "\n";
  }
  say(script);
  in.write.reset();
  int answers = 0;
  while (!line().empty()) ++answers;
  EXPECT_EQ(answers, 201);
  EXPECT_EQ(join(), 0);
}

TEST_F(ConnectTest, a_slow_call_delays_no_other_and_can_be_cancelled) {
  start();
  call_slowly();
  say(R"({"jsonrpc":"2.0","id":2,"method":"ping"})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":2,"result":{}})");
  say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})"
      "\n");
  ASSERT_TRUE(eventually([&] { return front.counts.cancelled == 1; }));
  say(R"({"jsonrpc":"2.0","id":3,"method":"ping"})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":3,"result":{}})") << "a cancelled request wants no answer";
  EXPECT_EQ(end(), 0);
  EXPECT_EQ(line(), "");
}

TEST_F(ConnectTest, a_cancelled_call_holds_up_no_good_bye) {
  start();
  call_slowly();
  say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})"
      "\n");
  ASSERT_TRUE(eventually([&] { return front.counts.cancelled == 1; }));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(end(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1500ms) << "of the 2 s for last answers";
  EXPECT_EQ(line(), "");
}

TEST_F(ConnectTest, a_cancellation_gets_past_requests_that_wait_for_a_place) {
  start("memory", {}, 1);
  say(kInitialize);
  line();
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"
      "\n"
      R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo"}})"
      "\n"
      R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo"}})"
      "\n");
  ASSERT_TRUE(eventually([&] { return front.counts.requests == 1; }));
  say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}})"
      "\n"
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":3,"result":{"name":"echo"}})");
  EXPECT_EQ(end(), 0);
  EXPECT_EQ(front.counts.requests, 2) << "what was withdrawn while it waited is never sent";
}

TEST_F(ConnectTest, what_comes_before_the_handshake_is_answered_here) {
  start();
  say(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"
      "\n"
      R"({"jsonrpc":"2.0","id":2,"method":"server/discover","params":{}})"
      "\n"
      R"({"jsonrpc":"2.0","id":3,"method":"tools/list"})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":1,"result":{}})");
  EXPECT_NE(line().find(R"("id":2,"error":{"code":-32601)"), std::string::npos);
  EXPECT_NE(line().find(R"("id":3,"error":{"code":-32600)"), std::string::npos);
  say(kInitialize);
  EXPECT_NE(line().find("serverInfo"), std::string::npos);
  EXPECT_EQ(end(), 0);
}

TEST_F(ConnectTest, garbage_is_answered_and_survived) {
  start();
  say("what\n[]\n" + std::string(kInitialize));
  EXPECT_NE(line().find("-32700"), std::string::npos);
  EXPECT_NE(line().find("-32600"), std::string::npos);
  EXPECT_NE(line().find("serverInfo"), std::string::npos);
  EXPECT_EQ(end(), 0);
}

TEST_F(ConnectTest, what_is_too_long_to_keep_is_answered_with_its_id_and_the_reason) {
  start("memory", {}, 64, 1000);
  say(kInitialize);
  line();
  const std::string long_text(100'000, 'a');
  say(R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","id":1,"text":")" + long_text +
      R"("},"id":9})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":9,"error":{"code":-32600,)"
                    R"("message":"the message of 100088 bytes is longer than the limit of 1000"}})");
  // The id of an answer is not the client's own, and one that is no JSON is nobody's.
  say(R"({"jsonrpc":"2.0","id":3,"result":{"text":")" + long_text + "\"}}\n");
  EXPECT_EQ(line().find("\"id\""), std::string::npos);
  say(R"({"jsonrpc":"2.0","method":"x","id":nothing,"params":{"text":")" + long_text + "\"}}\n");
  EXPECT_EQ(line().find("\"id\""), std::string::npos);
  say(R"({"jsonrpc":"2.0","id":10,"method":"ping"})"
      "\n");
  EXPECT_EQ(line(), R"({"jsonrpc":"2.0","id":10,"result":{}})");
  EXPECT_EQ(end(), 0);
}

TEST_F(ConnectTest, an_unknown_server_is_an_answer_with_the_clients_id) {
  start("nobody");
  say(kInitialize);
  const std::string got = line();
  EXPECT_NE(got.find(R"("id":0,"error")"), std::string::npos) << got;
  EXPECT_EQ(end(), 1);
  EXPECT_EQ(err.str(), "holdfast: no such server: nobody; the gateway has memory, broken\n");
}

TEST_F(ConnectTest, an_unknown_server_is_said_to_whoever_asks_nothing_too) {
  start("nobody");
  EXPECT_EQ(end(), 1);
  EXPECT_EQ(err.str(), "holdfast: no such server: nobody; the gateway has memory, broken\n");
}

TEST_F(ConnectTest, without_a_gateway_it_says_so_once_and_exits_69) {
  start("memory", front.dir.path / "nothing");
  EXPECT_EQ(join(), 69);
  EXPECT_NE(err.str().find("no gateway answers"), std::string::npos);
  EXPECT_EQ(line(), "");
}

TEST_F(ConnectTest, a_gateway_that_goes_fails_what_is_in_flight_and_ends_it_with_69) {
  start();
  call_slowly();
  front.thread.on([&] { front.server.reset(); });
  EXPECT_NE(line().find(R"("id":1,"error")"), std::string::npos);
  EXPECT_EQ(join(), 69);
  EXPECT_EQ(std::ranges::count(err.str(), '\n'), 1) << err.str();
  front.thread.on([&] { front.endpoint.reset(); });
}

TEST_F(ConnectTest, a_client_that_died_ends_the_bridge_and_its_call_at_once) {
  start();
  call_slowly();
  in.write.reset();
  out.read.reset();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(join(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1500ms);
  EXPECT_TRUE(eventually([&] { return front.counts.cancelled == 1 && front.counts.ended == 1; }));
}

}  // namespace
}  // namespace holdfast::cli
