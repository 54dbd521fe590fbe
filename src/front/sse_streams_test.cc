#include "front/sse_streams.h"

#include "front/mcp_testing.h"
#include "front/public_service.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string call_of(std::string_view id, std::string_view tool, std::string_view meta = "") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(tool) + "\"" + std::string(meta) + "}}";
}
constexpr const char* kAsking =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{},"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}})";

// The front as it is served to the public.
struct SseStreamsTest : testing::Test {
  std::unique_ptr<FakeFront> front;
  std::filesystem::path path;

  explicit SseStreamsTest() { restart({}); }
  void restart(McpEndpointOptions options) {
    front = std::make_unique<FakeFront>(options);
    path = front->dir.path / "public.sock";
    front->thread.on([&] {
      auto listener = net::Listener::open(front->thread.loop.get_executor(), unix_address(path.string()));
      ASSERT_TRUE(listener) << listener.error().message();
      front->server->serve(std::move(*listener), public_service(*front->endpoint, unix_address(path.string()),
                                                                {front->tokens}, [] { return true; }));
    });
  }
  net::HttpResponse ask(std::string method, std::string target, std::string body = {},
                        Headers headers = {{"Content-Type", "application/json"}}) const {
    auto got = net::fetch(unix_address(path.string()),
                          {std::move(method), std::move(target), std::move(headers), std::move(body)}, 10s);
    if (got) return *got;
    ADD_FAILURE() << got.error().message();
    return {};
  }

  // A client, after its GET.
  struct Client {
    SseStreamsTest& test;
    RawClient stream{test.path};
    std::string messages;

    explicit Client(SseStreamsTest& of, std::string_view address = "/sse/memory") : test(of) {
      stream.send("GET " + std::string(address) +
                  " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
      const std::string got = stream.read_until("\n\n\r\n");
      const auto at = got.find("event: endpoint\ndata: ");
      if (at != std::string::npos) messages = got.substr(at + 22, got.find('\n', at + 22) - at - 22);
      stream.clear();
    }
    unsigned post(std::string body) const { return test.ask("POST", messages, std::move(body)).status; }
    // What came until `part` did.
    std::string hear(std::string_view part) {
      std::string got = stream.read_until(std::string(part));
      stream.clear();
      return got;
    }
    bool greet(const char* hello = kInitialize) {
      return post(hello) == 202 && has(hear("\n\n\r\n"), "\"serverInfo\"");
    }
  };
};

TEST_F(SseStreamsTest, a_stream_says_first_where_messages_go_and_then_brings_the_answers) {
  Client client(*this);
  EXPECT_EQ(client.messages.size(), std::string("/messages?session=").size() + 32) << client.messages;
  EXPECT_EQ(client.post(kInitialize), 202U);
  EXPECT_TRUE(has(
      client.hear("}}\n\n"),
      "event: message\ndata: "
      R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2024-11-05","capabilities":{"logging":{},"tools":{"listChanged":true}},)"));
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), 202U);
  EXPECT_EQ(client.post(call_of("\"x\"", "text")), 202U);
  EXPECT_TRUE(
      has(client.hear("hello"), "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":"));
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"), 202U);
  EXPECT_FALSE(has(client.hear("\"result\":{}"), "id: ")) << "nobody can come back to it";
}

TEST_F(SseStreamsTest, all_servers_are_seen_at_one_address) {
  Client client(*this, "/sse");
  EXPECT_TRUE(client.greet());
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memory__text"}})"),
            202U);
  EXPECT_TRUE(has(client.hear("hello"), "\"id\":1,\"result\""));
}

TEST_F(SseStreamsTest, what_is_said_in_a_call_comes_before_its_answer) {
  Client client(*this);
  ASSERT_TRUE(client.greet());
  client.post(call_of("0", "chatty"));
  std::string got = client.hear("\"name\":\"chatty\"");
  EXPECT_LT(got.find("first"), got.find("\"id\":0,\"result\"")) << got;
  client.post(call_of("1", "counts", R"(,"_meta":{"progressToken":1.50})"));
  got = client.hear("\"name\":\"counts\"");
  EXPECT_TRUE(has(got, R"("progressToken" : 1.50,"progress":1.50)")) << got;
  front->say("notifications/tools/list_changed");
  EXPECT_TRUE(has(client.hear("list_changed"), "event: message\ndata: {"));
}

TEST_F(SseStreamsTest, what_is_asked_comes_by_the_stream_if_it_is_of_its_revision) {
  Client client(*this);
  ASSERT_TRUE(client.greet(kAsking));
  auto answer = std::async(std::launch::async, [&] {
    const auto consumer = front->thread.on([&] { return front->gateway.voice.consumer.lock(); });
    return front->thread.await(consumer->asked("memory", "sampling/createMessage", R"({"n":1.50})", 0));
  });
  EXPECT_TRUE(
      has(client.hear("1.50}}"), R"({"jsonrpc":"2.0","id":"hf-1","method":"sampling/createMessage",)"));
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":"hf-1","result":{"said":2.50}})"), 202U);
  const auto said = answer.get();
  ASSERT_TRUE(said) << said.error().message();
  EXPECT_EQ(said->result, R"({"said":2.50})");
  client.post(call_of("0", "asks"));
  EXPECT_FALSE(has(client.hear("\"id\":0"), "\"method\"")) << "elicitation is of later ones";
  EXPECT_EQ(client.post(call_of("1", "text")), 202U);
  EXPECT_TRUE(has(client.hear("hello"), "\"id\":1"));
}

TEST_F(SseStreamsTest, cancelled_interrupts_its_request_which_gets_no_answer) {
  Client client(*this);
  ASSERT_TRUE(client.greet());
  client.post(call_of("1", "slow"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  client.post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  EXPECT_TRUE(eventually([&] { return front->counts.cancelled == 1; }));
  client.post(call_of("2", "text"));
  EXPECT_FALSE(has(client.hear("\"id\":2"), "\"id\":1"));
}

TEST_F(SseStreamsTest, a_session_ends_with_its_stream_and_so_does_what_it_has_in_flight) {
  Client client(*this), other(*this);
  ASSERT_TRUE(client.greet());
  ASSERT_TRUE(other.greet());
  client.post(call_of("1", "slow"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  EXPECT_EQ(front->counts.ended, 0);
  client.stream.close();
  EXPECT_TRUE(eventually([&] { return front->counts.cancelled == 1 && front->counts.ended == 1; }, 3s));
  EXPECT_EQ(client.post(call_of("2", "text")), 404U);
  EXPECT_EQ(other.post(call_of("2", "text")), 202U);
  EXPECT_TRUE(has(other.hear("hello"), "\"id\":2")) << "nobody else's does";
}

TEST_F(SseStreamsTest, who_reads_too_slowly_is_let_go) {
  restart({.session = {.stream_limit = 100'000}});
  Client client(*this);
  ASSERT_TRUE(client.greet());
  const std::string much = "\"" + std::string(60'000, 'x') + "\"";
  for (int i = 0; i < 100; ++i)
    front->say("notifications/message", R"({"level":"info","data":)" + much + "}");
  EXPECT_TRUE(eventually([&] { return front->counts.ended == 1; }));
}

TEST_F(SseStreamsTest, a_server_that_is_not_there_is_said_on_the_stream) {
  Client client(*this, "/sse/nobody");
  EXPECT_EQ(client.post(kInitialize), 202U);
  const std::string refused = client.hear("}}\n\n");
  EXPECT_TRUE(has(refused, R"("id":0,"error":{"code":-32603,)")) << refused;
  EXPECT_TRUE(has(refused, "nobody: not found")) << refused;
  EXPECT_EQ(front->thread.on([&] { return front->endpoint->sessions(); }), 0U);
  EXPECT_EQ(client.post(kInitialize), 202U) << "it may try again";
}

TEST_F(SseStreamsTest, wrong_requests_get_the_status_that_clients_know) {
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  Client client(*this);
  EXPECT_EQ(client.post(ping), 400U) << "initialize comes first";
  ASSERT_TRUE(client.greet());
  EXPECT_EQ(client.post("{nonsense"), 400U);
  EXPECT_EQ(client.post("[" + ping + "]"), 400U);
  EXPECT_EQ(ask("POST", client.messages, ping, {{"Content-Type", "text/plain"}}).status, 415U);
  EXPECT_EQ(ask("POST", "/messages", ping).status, 400U);
  EXPECT_EQ(ask("POST", "/messages?session=00000000000000000000000000000000", ping).status, 404U);
  EXPECT_EQ(ask("GET", client.messages).status, 405U);
  EXPECT_EQ(ask("GET", "/sse", {}, {{"Accept", "application/json"}}).status, 406U);
  const auto probe = ask("POST", "/sse", kInitialize);  // of a client that tries Streamable HTTP first
  EXPECT_EQ(probe.status, 405U);
  EXPECT_EQ(probe.header("Allow"), "GET");
  EXPECT_EQ(ask("GET", "/sse", {}, {{"Origin", "http://evil.example"}}).status, 403U);
  EXPECT_EQ(ask("POST", client.messages, ping, {{"Origin", "http://evil.example"}}).status, 403U);
  EXPECT_EQ(ask("GET", "/ssex").status, 404U);
  EXPECT_EQ(client.post(kInitialize), 202U);
  EXPECT_TRUE(has(client.hear("}}\n\n"), "already initialized"));
}

TEST_F(SseStreamsTest, a_stream_that_nobody_greets_on_is_ended) {
  restart({.reconnect_grace = 100ms, .greeting = 50ms});
  Client silent(*this), client(*this);
  ASSERT_TRUE(client.greet());
  silent.stream.read_until("0\r\n\r\n");
  EXPECT_EQ(silent.post(kInitialize), 404U);
  EXPECT_EQ(client.post(call_of("1", "text")), 202U);
}

TEST_F(SseStreamsTest, there_are_so_many_and_no_more) {
  restart({.sessions = 2});
  Client one(*this);
  auto two = std::make_unique<Client>(*this);
  EXPECT_EQ(ask("GET", "/sse").status, 503U);
  two.reset();
  EXPECT_TRUE(eventually([&] {
    RawClient three(path);
    three.send("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
    return has(three.read_until("\r\n\r\n"), " 200 ");
  }));
}

TEST_F(SseStreamsTest, stop_ends_everything) {
  Client client(*this), ungreeted(*this);
  ASSERT_TRUE(client.greet());
  client.post(call_of("1", "slow"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  front->stop();
  EXPECT_EQ(front->counts.cancelled, 1);
  EXPECT_EQ(front->counts.ended, 1);
  EXPECT_TRUE(has(client.stream.read_to_end(), "0\r\n\r\n"));
  EXPECT_TRUE(has(ungreeted.stream.read_to_end(), "0\r\n\r\n"));
}

}  // namespace
}  // namespace holdfast::front
