#include "mcp/client_testing.h"

namespace holdfast::mcp {
namespace {

// What the server asks, with somebody there who answers when the test says so.
class Asked : public ClientTest {
 protected:
  void listen() {
    on_request = [this](std::string_view id, std::string_view method, std::string_view params) {
      asked.push_back(std::string(id) + " " + std::string(method) + " " + std::string(params));
    };
    hello();
  }
  void ask_us(std::string_view id, std::string_view method = "roots/list") {
    peer.say(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) +
             "\"}\n");
  }
  bool heard(std::size_t count) {
    return run_until(loop, [&] { return asked.size() == count; });
  }
};

TEST_F(Asked, is_told_with_its_raw_id_and_params_and_answered_once) {
  listen();
  peer.say(R"({"jsonrpc":"2.0","id":"\u0061","method":"sampling/createMessage","params":{"n": 1e400}})"
           "\n");
  ask_us("0");
  ASSERT_TRUE(heard(2));
  EXPECT_EQ(asked[0], R"("\u0061" sampling/createMessage {"n": 1e400})");
  EXPECT_EQ(asked[1], "0 roots/list ");
  client->answer("0", {.result = "{\n \"roots\": []\r\n}", .error = {}});
  EXPECT_EQ(peer.hear(), "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{  \"roots\": []  }}");
  client->answer("0", {.result = "{}", .error = {}});
  client->answer("\"a\"", {.result = "{}", .error = {}});  // never asked in this spelling
  EXPECT_TRUE(peer.silent());
  client->answer(R"("\u0061")", {.result = {}, .error = RpcError{-1, "no", R"({"k": 1})"}});
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":"\u0061","error":{"code":-1,"message":"no","data":{"k": 1}}})");
  ask_us("0");  // its id is free again
  EXPECT_TRUE(heard(3));
}

TEST_F(Asked, of_a_client_whose_answer_is_no_json_is_answered_with_an_error) {
  listen();
  for (const char* wrong : {"", "{", R"({},"id":7)", R"({}},{"jsonrpc":"2.0","id":7,"result":{})", "{]"}) {
    ask_us("5");
    ASSERT_TRUE(run_until(loop, [&] { return !asked.empty(); }));
    asked.clear();
    client->answer("5", {.result = wrong, .error = {}});
    EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":5,"error":{"code":-32603,"message":)"
                           R"("the client's answer is malformed"}})")
        << wrong;
  }
}

TEST_F(Asked, and_withdrawn_by_the_server_wants_no_answer) {
  listen();
  ask_us("1");
  ask_us("2");
  peer.say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"x"}})"
           "\n"
           R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}})"
           "\n");
  ASSERT_TRUE(run_until(loop, [&] { return withdrawn.size() == 1; }));
  EXPECT_EQ(withdrawn[0], "1");
  client->answer("1", {.result = "{}", .error = {}});
  EXPECT_TRUE(peer.silent());
  EXPECT_TRUE(notes.empty());
}

TEST_F(Asked, too_often_is_refused_at_once) {
  listen();
  for (int i = 0; i < 64; ++i) ask_us(std::to_string(i));
  ask_us("3");
  ask_us("99");
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"the id is in use, or too long"}})");
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":99,"error":{"code":-32603,"message":)"
                         R"("too many requests wait for an answer"}})");
  EXPECT_EQ(asked.size(), 64U);
  client->answer("3", {.result = "{}", .error = {}});
  (void)peer.hear();
  ask_us("99");
  EXPECT_TRUE(heard(65));
}

// A server that waits for an answer does not see its end-of-file for a minute (mcp spec, "Shutdown").
TEST_F(Asked, and_not_answered_when_it_is_stopped_is_answered_with_an_error_first) {
  listen();
  ask_us("1");
  ask_us("\"x\"");
  ASSERT_TRUE(heard(2));
  std::optional<int> stopped;
  const auto stop = [](Client& which, std::optional<int>& note) -> asio::awaitable<void> {
    co_await which.stop_writing(in(5s));
    note = 1;
  };
  tasks.spawn("stop", stop(*client, stopped));
  ASSERT_TRUE(run_until(loop, [&] { return stopped.has_value(); }));
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":"x","error":{"code":-32603,"message":"the server is being stopped"}})");
  EXPECT_EQ(peer.hear(),
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the server is being stopped"}})");
  EXPECT_EQ(withdrawn.size(), 2U);
  client->answer("1", {.result = "{}", .error = {}});
  EXPECT_TRUE(peer.silent());
}

TEST_F(Asked, in_a_batch_and_answered_at_once_is_answered_in_it) {
  on_request = [this](std::string_view id, std::string_view, std::string_view) {
    if (id == "8") client->answer(id, {.result = R"({"now":1})", .error = {}});
  };
  hello(
      R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{}}})");
  peer.say(R"([{"jsonrpc":"2.0","id":8,"method":"a"},{"jsonrpc":"2.0","id":9,"method":"b"},)"
           R"({"jsonrpc":"2.0","id":"q","method":"ping"}])"
           "\n");
  EXPECT_EQ(peer.hear(),
            R"([{"jsonrpc":"2.0","id":8,"result":{"now":1}},{"jsonrpc":"2.0","id":"q","result":{}}])");
  client->answer("9", {.result = R"({"later":1})", .error = {}});
  EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","id":9,"result":{"later":1}})");
}

}  // namespace
}  // namespace holdfast::mcp
