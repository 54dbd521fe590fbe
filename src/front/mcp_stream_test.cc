// What servers say unasked, and what they ask, on the streams of a session.
#include "front/mcp_testing.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;

constexpr std::string_view kBoth = "Accept: application/json, text/event-stream\r\n";
constexpr const char* kNew =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}})";

std::string call_of(std::string_view id, std::string_view tool, std::string_view meta = "") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(tool) + "\"" + std::string(meta) + "}}";
}

// The last `id:` of what came.
std::string last_id(const std::string& text) {
  const auto at = text.rfind("id: ");
  return at == std::string::npos ? "" : text.substr(at + 4, text.find('\n', at) - at - 4);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

struct McpStreamTest : McpEndpointTest {
  std::string open(const char* hello = kNew) {
    return std::string(post(hello).header("Mcp-Session-Id").value_or(""));
  }
  std::string get(std::string_view session, std::string_view last = "") const {
    return "GET /mcp/memory HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nMcp-Session-Id: " +
           std::string(session) + "\r\n" +
           (last.empty() ? "" : "Last-Event-ID: " + std::string(last) + "\r\n") + "\r\n";
  }
  // A client that listens.
  std::unique_ptr<RawClient> listen(std::string_view session, std::string_view last = "") {
    auto client = std::make_unique<RawClient>(front->path);
    client->send(get(session, last));
    EXPECT_TRUE(has(client->read_until("\r\n\r\n"), "Content-Type: text/event-stream"));
    return client;
  }
  std::unique_ptr<RawClient> call(std::string_view session, std::string_view body,
                                  std::string_view accept = kBoth) {
    auto client = std::make_unique<RawClient>(front->path);
    client->send(http(session, body, accept));
    return client;
  }
  void restart(McpEndpointOptions options) { front = std::make_unique<FakeFront>(options); }
};

TEST_F(McpStreamTest, an_answer_is_plain_json_if_nothing_was_said_before_it) {
  const auto client = call(open(), call_of("0", "text"));
  const std::string got = client->read_until("hello");
  EXPECT_TRUE(has(got, "Content-Type: application/json\r\n"));
  EXPECT_TRUE(has(got, R"({"jsonrpc":"2.0","id":0,"result":)"));
}

TEST_F(McpStreamTest, what_is_said_in_a_call_comes_on_its_stream_and_then_the_answer) {
  const std::string session = open();
  const auto listener = listen(session);
  const auto client = call(session, call_of("0", "chatty"));
  const std::string got = client->read_until("0\r\n\r\n");
  EXPECT_TRUE(has(got, "Content-Type: text/event-stream\r\n"));
  EXPECT_TRUE(has(got, "Cache-Control: no-cache\r\n"));
  const auto primed = got.find("id: 1-1\nretry: 1000\ndata: \n\n");
  const auto said = got.find(
      "id: 1-2\ndata: "
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"first"}})"
      "\n\n");
  const auto answered = got.find(
      "id: 1-3\ndata: "
      R"({"jsonrpc":"2.0","id":0,"result":{"name":"chatty"}})"
      "\n\n");
  EXPECT_LT(primed, said) << got;
  EXPECT_LT(said, answered) << got;
  EXPECT_NE(answered, std::string::npos) << got;
  front->say("notifications/tools/list_changed");
  EXPECT_FALSE(has(listener->read_until("list_changed"), "first"));  // on one stream only
}

TEST_F(McpStreamTest, before_2025_11_25_no_stream_begins_without_data) {
  const auto client = call(open(kInitialize), call_of("0", "chatty"));
  const std::string got = client->read_until("0\r\n\r\n");
  EXPECT_TRUE(has(got, "id: 1-1\ndata: {")) << got;
  EXPECT_FALSE(has(got, "retry"));
}

TEST_F(McpStreamTest, a_client_that_takes_no_streams_gets_json_and_the_rest_goes_to_its_get_stream) {
  const std::string session = open();
  const auto listener = listen(session);
  const auto client = call(session, call_of("\"x\"", "chatty"), "Accept: application/json\r\n");
  const std::string got = client->read_until("chatty\"}}");
  EXPECT_TRUE(has(got, "Content-Type: application/json\r\n"));
  EXPECT_FALSE(has(got, "first"));
  EXPECT_TRUE(has(listener->read_until("first"), "first"));
}

TEST_F(McpStreamTest, a_call_that_takes_long_gets_a_stream_that_shows_it_lives) {
  restart({.session = {.stream_after = 50ms}});
  const auto client = call(open(), call_of("0", "silent"));
  EXPECT_TRUE(has(client->read_until("data: \n\n"), "id: 1-1\n"));
  front->open_gate();
  EXPECT_TRUE(has(client->read_until("0\r\n\r\n"), R"("result":{"name":"silent"})"));
}

TEST_F(McpStreamTest, progress_has_the_clients_own_token_byte_for_byte) {
  const std::string session = open(kInitialize);
  for (const char* token : {"0", "\"a\\u00e9\"", "1.50", "12345678901234567890"}) {
    const auto client =
        call(session, call_of("0", "counts", R"(,"_meta":{"progressToken":)" + std::string(token) + "}"));
    const std::string got = client->read_until("0\r\n\r\n");
    EXPECT_TRUE(has(
        got, R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"total":2, "progressToken" : )" +
                 std::string(token) + R"(,"progress":1.50}})"))
        << got;
  }
  EXPECT_FALSE(has(call(session, call_of("0", "counts"))->read_until("counts\"}}"), "progressToken"));
}

TEST_F(McpStreamTest, what_belongs_to_no_call_waits_for_the_get_stream) {
  const std::string session = open();
  front->say("notifications/tools/list_changed");
  const auto first = listen(session);
  EXPECT_TRUE(has(first->read_until("list_changed"), "id: 0-1\ndata: "));
  first->clear();
  front->say("notifications/resources/updated", R"({"uri":"x:y"})");
  EXPECT_TRUE(has(first->read_until("x:y"), R"("params":{"uri":"x:y"}})"));
  EXPECT_FALSE(has(first->read_until("never", 20ms), "list_changed"));
}

TEST_F(McpStreamTest, a_second_get_stream_is_refused_while_the_first_is_open) {
  const std::string session = open();
  auto first = listen(session);
  EXPECT_EQ(
      front->ask("GET", "/mcp/memory", {}, {{"Accept", "text/event-stream"}, {"Mcp-Session-Id", session}})
          .status,
      409U);
  first->close();
  EXPECT_TRUE(eventually([&] {
    RawClient again(front->path);
    again.send(get(session));
    return has(again.read_until("\r\n\r\n"), " 200 ");
  }));
}

TEST_F(McpStreamTest, the_get_stream_goes_on_after_the_last_event_and_takes_over_from_one_that_hangs) {
  const std::string session = open();
  const auto first = listen(session);
  front->say("notifications/a");
  front->say("notifications/b");
  first->read_until("notifications/b");
  const auto second = listen(session, "0-2");  // primed by 0-1
  EXPECT_TRUE(has(second->read_until("notifications/b"), "id: 0-3\n"));
  EXPECT_FALSE(has(second->read_until("never", 20ms), "notifications/a"));
  first->read_until("0\r\n\r\n");
  front->say("notifications/c");
  EXPECT_TRUE(has(second->read_until("notifications/c"), "notifications/c"));
  EXPECT_FALSE(has(first->read_until("never", 20ms), "notifications/c"));
  for (const char* wrong : {"x", "7-1", "0"}) {
    EXPECT_EQ(
        front
            ->ask("GET", "/mcp/memory", {},
                  {{"Accept", "text/event-stream"}, {"Mcp-Session-Id", session}, {"Last-Event-ID", wrong}})
            .status,
        400U);
  }
}

TEST_F(McpStreamTest, a_call_whose_stream_broke_goes_on_and_its_answer_is_there_for_who_comes_back) {
  const std::string session = open();
  auto broken = call(session, call_of("0", "gated"));
  const std::string id = last_id(broken->read_until("first\"}}\n\n"));
  broken->close();
  const auto during = listen(session, id);  // the call is in flight still
  front->open_gate();
  EXPECT_TRUE(has(during->read_until("0\r\n\r\n"), R"({"jsonrpc":"2.0","id":0,"result":{"name":"gated"}})"));
  EXPECT_FALSE(has(during->read_until("never", 1ms), "first"));
  const auto after = listen(session, id);  // and so once more
  EXPECT_TRUE(has(after->read_until("0\r\n\r\n"), R"({"jsonrpc":"2.0","id":0,"result":{"name":"gated"}})"));
  EXPECT_EQ(front->counts.cancelled, 0);
}

TEST_F(McpStreamTest, an_answer_that_came_while_nobody_listened_is_kept) {
  const std::string session = open();
  auto broken = call(session, call_of("0", "gated"));
  const std::string id = last_id(broken->read_until("first\"}}\n\n"));
  broken->close();
  front->open_gate();
  EXPECT_EQ(front->counts.cancelled, 0);
  EXPECT_TRUE(has(listen(session, id)->read_until("0\r\n\r\n"), R"("result":{"name":"gated"})"));
}

TEST_F(McpStreamTest, a_question_goes_on_the_stream_of_the_call_and_its_answer_back) {
  const std::string session = open();
  const auto client = call(session, call_of("0", "asks"));
  const std::string asked = client->read_until(
      R"({"jsonrpc":"2.0","id":"hf-1","method":"elicitation/create","params":{"message":"?"}})");
  ASSERT_TRUE(has(asked, "hf-1")) << asked;
  const Headers mine{{"Mcp-Session-Id", session}};
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":"hf-2","result":{"no":1}})", mine).status, 202U);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"result":{"no":1}})", mine).status, 202U);
  const std::string other = open();
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":"hf-1","result":{"no":1}})", {{"Mcp-Session-Id", other}}).status,
            202U);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":"hf-1","result":{"n":1.50}})", mine).status, 202U);
  EXPECT_TRUE(
      has(client->read_until("0\r\n\r\n"), R"({"jsonrpc":"2.0","id":0,"result":{"said":{"n":1.50}}})"));
}

TEST_F(McpStreamTest, the_clients_own_error_is_the_answer_to_a_question) {
  const std::string session = open();
  const auto client = call(session, call_of("0", "asks"));
  client->read_until("hf-1");
  post(R"({"jsonrpc":"2.0","id":"hf-1","error":{"code":-1,"message":"no","data":{"x":1.0}}})",
       {{"Mcp-Session-Id", session}});
  EXPECT_TRUE(
      has(client->read_until("0\r\n\r\n"), R"("id":0,"error":{"code":-1,"message":"no","data":{"x":1.0}}})"));
}

TEST_F(McpStreamTest, a_question_that_nobody_answers_in_time_is_withdrawn) {
  restart({.session = {.question_timeout = 50ms}});
  const auto client = call(open(), call_of("0", "asks"));
  const std::string got = client->read_until("0\r\n\r\n");
  EXPECT_TRUE(has(got, R"("method":"notifications/cancelled","params":{"requestId":"hf-1",)")) << got;
  EXPECT_TRUE(has(got, R"("id":0,"error":)")) << got;
}

TEST_F(McpStreamTest, a_question_is_withdrawn_with_its_call) {
  const std::string session = open();
  const auto client = call(session, call_of("0", "asks"));
  client->read_until("hf-1");
  post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}})",
       {{"Mcp-Session-Id", session}});
  const std::string got = client->read_until("0\r\n\r\n");
  EXPECT_TRUE(has(got, R"("requestId":"hf-1","reason":"withdrawn")")) << got;
}

TEST_F(McpStreamTest, a_revision_without_elicitation_is_not_asked) {
  const std::string session =
      open(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}})");
  const std::string got = call(session, call_of("0", "asks"))->read_until("}}");
  EXPECT_TRUE(has(got, "-32601")) << got;
  EXPECT_FALSE(has(got, "hf-1"));
}

TEST_F(McpStreamTest, a_session_bound_to_a_connection_has_streams_on_others) {
  RawClient bound(front->path);
  const std::string body = kNew;
  bound.send(
      "POST /mcp/memory HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nHoldfast-Bind: "
      "connection\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string got = bound.read_until("serverInfo");
  const std::string session = got.substr(got.find("Mcp-Session-Id: ") + 16, 32);
  EXPECT_TRUE(has(call(session, call_of("0", "chatty"))->read_until("chatty\"}}"), "text/event-stream"));
  const auto listener = listen(session);
  front->say("notifications/tools/list_changed", "");
  EXPECT_TRUE(has(listener->read_until("list_changed"), "list_changed"));
  bound.close();
  EXPECT_TRUE(eventually([&] { return front->counts.ended == 1; }));
}

TEST_F(McpStreamTest, log_messages_below_the_sessions_level_are_not_told) {
  const std::string session = open();
  const auto listener = listen(session);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"warning"}})",
                 {{"Mcp-Session-Id", session}})
                .status,
            200U);
  EXPECT_EQ(front->counts.requests, 1);  // the server hears it, too
  front->say("notifications/message", R"({"level":"notice","data":"low"})");
  front->say("notifications/message", R"({"level":"error","data":"high"})");
  EXPECT_FALSE(has(listener->read_until("high"), "low"));
}

TEST_F(McpStreamTest, batches_are_of_2025_03_26_only) {
  const std::string old =
      open(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}})");
  const std::string two = "[" + call_of("0", "text") +
                          R"(,{"jsonrpc":"2.0","method":"notifications/x"},{"x":1},)" +
                          R"({"jsonrpc":"2.0","id":"p","method":"ping"}])";
  const auto got = post(two, {{"Mcp-Session-Id", old}});
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, R"([{"jsonrpc":"2.0","error":{"code":-32600,"message":"jsonrpc is missing"}},)"
                      R"({"jsonrpc":"2.0","id":"p","result":{}},)"
                      R"({"jsonrpc":"2.0","id":0,"result":{"content":[{"type":"text","text":"hello"}]}}])");
  EXPECT_EQ(front->counts.notified, 1);
  EXPECT_EQ(post(R"([{"jsonrpc":"2.0","method":"notifications/x"}])", {{"Mcp-Session-Id", old}}).status,
            202U);
  EXPECT_EQ(post("[]", {{"Mcp-Session-Id", old}}).status, 400U);
  EXPECT_EQ(post(two, {{"Mcp-Session-Id", open()}}).status, 400U);
  EXPECT_EQ(post(two, {{"Mcp-Session-Id", open(kInitialize)}}).status, 400U);
  EXPECT_EQ(post(two).status, 400U);
  EXPECT_TRUE(
      has(post("[" + std::string(kInitialize) + "]", {{"Mcp-Session-Id", old}}).body, "already initialized"));
}

TEST_F(McpStreamTest, a_client_that_goes_withdraws_all_calls_of_its_batch) {
  const std::string old =
      open(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}})");
  {
    RawClient client(front->path);
    client.send(http(
        old, "[" + call_of("1", "slow") + "," + call_of("2", "slow") + "," + call_of("3", "slow") + "]"));
    ASSERT_TRUE(eventually([&] { return front->counts.requests == 3; }));
  }
  EXPECT_TRUE(eventually([&] { return front->counts.cancelled == 3; }));
}

TEST_F(McpStreamTest, a_session_whose_stream_went_ends_after_the_grace_unless_its_client_is_heard) {
  restart({.session_idle_timeout = 60s, .reconnect_grace = 300ms});
  const std::string session = open(), never = open();
  auto listener = listen(session);
  EXPECT_FALSE(eventually([&] { return front->counts.ended > 0; }, 500ms));  // it is open
  listener->close();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Mcp-Session-Id", session}}).status,
              200U);
    EXPECT_FALSE(eventually([&] { return front->counts.ended > 0; }, 50ms));
  }
  EXPECT_TRUE(eventually([&] { return front->counts.ended == 1; }));
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Mcp-Session-Id", session}}).status, 404U);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Mcp-Session-Id", never}}).status, 200U);
}

TEST_F(McpStreamTest, an_open_stream_keeps_a_session_from_being_idle) {
  restart({.session_idle_timeout = 100ms});
  const auto listener = listen(open());
  EXPECT_FALSE(eventually([&] { return front->counts.ended > 0; }, 400ms));
}

TEST_F(McpStreamTest, delete_ends_the_streams_and_the_calls) {
  const std::string session = open();
  const auto listener = listen(session), caller = call(session, call_of("0", "gated"));
  caller->read_until("first");
  EXPECT_EQ(front->ask("DELETE", "/mcp/memory", {}, {{"Mcp-Session-Id", session}}).status, 204U);
  EXPECT_TRUE(has(listener->read_until("0\r\n\r\n"), "0\r\n\r\n"));
  EXPECT_TRUE(has(caller->read_until("0\r\n\r\n"), R"("id":0,"error":)"));
  EXPECT_TRUE(eventually([&] { return front->counts.ended == 1; }));
}

TEST_F(McpStreamTest, stop_ends_open_streams_at_once) {
  const auto listener = listen(open());
  const auto began = steady_clock::now();
  front->stop();
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_TRUE(has(listener->read_to_end(), "0\r\n\r\n"));
}

}  // namespace
}  // namespace holdfast::front
