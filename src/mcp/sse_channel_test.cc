#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mcp/http_channel.h"
#include "mcp/http_testing.h"

namespace holdfast::mcp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string endpoint_event(std::string_view where) {
  return "event: endpoint\ndata: " + std::string(where) + "\n\n";
}
std::string message_event(std::string_view line) {
  return "event: message\ndata: " + std::string(line) + "\n\n";
}

struct SseChannelTest : testing::Test {
  asio::io_context loop;
  Endpoint endpoint{loop};
  std::unique_ptr<Channel> channel;
  std::vector<std::string> lines, undelivered;
  std::string closed;
  std::string where = "/messages?session=1";

  void SetUp() override {
    endpoint.script = [this](const std::string& request) { return serve(request); };
  }
  // A server of 2024-11-05, at /sse.
  Act serve(const std::string& request) const {
    if (request.starts_with("POST /messages?session=1 "))
      return {"HTTP/1.1 202 X\r\nContent-Length: 8\r\n\r\nAccepted"};
    if (request.starts_with("GET /sse ")) return {kStream + chunk(endpoint_event(where)), Act::stream};
    return {json("", 405)};
  }
  void open(HttpChannelOptions options = {.transport = HttpTransport::sse}) {
    const auto& address = endpoint.listener->address();
    options.url = {.host = address.host, .port = address.port, .target = "/sse"};
    channel = make_http_channel(loop.get_executor(), std::move(options));
    channel->start({.line = [this](PaddedText line) { lines.emplace_back(line.view()); },
                    .oversized = {},
                    .undelivered = [this](std::string_view id) { undelivered.emplace_back(id); },
                    .closed = [this](const Error& why) { closed = why.message(); }});
  }
  bool heard(std::string_view method, std::string_view text) {
    return run_until(loop, [&] { return endpoint.count(method, text) > 0; });
  }
  bool told(std::size_t count) {
    return run_until(loop, [&] { return lines.size() >= count; });
  }
  void shake_hands() {
    open();
    ASSERT_TRUE(channel->send(kInitialize));
    ASSERT_TRUE(heard("POST", "\"initialize\""));
    endpoint.push(message_event(kHello));
    ASSERT_TRUE(told(1));
    lines.clear();
  }
};

TEST_F(SseChannelTest, messages_go_where_the_stream_says_and_come_by_the_stream) {
  open({.transport = HttpTransport::sse, .headers = {{"Authorization", "Bearer x"}}});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(heard("POST /messages?session=1 ", "\"initialize\""));
  EXPECT_THAT(endpoint.heard[0], HasSubstr("GET /sse HTTP/1.1\r\n"));
  EXPECT_THAT(endpoint.heard[0], HasSubstr("Accept: text/event-stream\r\n"));
  for (const auto& request : endpoint.heard) EXPECT_THAT(request, HasSubstr("Authorization: Bearer x\r\n"));
  endpoint.push(message_event(kHello));
  ASSERT_TRUE(told(1));
  ASSERT_TRUE(channel->send(kInitialized));
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(heard("POST /messages", "tools/call"));
  EXPECT_THAT(endpoint.heard.back(), HasSubstr("MCP-Protocol-Version: 2025-11-25\r\n"));
  endpoint.push(": alive\n\nevent: ping\ndata: 1\n\n");
  endpoint.push("data: {\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n\n" +
                message_event(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
  ASSERT_TRUE(told(3));
  EXPECT_THAT(lines, ElementsAre(kHello, R"({"jsonrpc":"2.0","method":"a"})",
                                 R"({"jsonrpc":"2.0","id":7,"result":{}})"));
  EXPECT_EQ(endpoint.count("GET"), 1);
  channel.reset();
  EXPECT_TRUE(run_until(loop, [&] { return endpoint.streams == 0; })) << "the session ends with its stream";
  EXPECT_EQ(endpoint.count("DELETE"), 0);
}

TEST_F(SseChannelTest, who_refuses_the_handshake_as_one_of_that_time_is_asked_for_its_stream) {
  for (const unsigned status : {400U, 404U, 405U}) {
    endpoint.heard.clear();
    endpoint.script = [&](const std::string& request) {
      return request.starts_with("POST /sse ") ? Act{json("", status)} : serve(request);
    };
    open({.transport = HttpTransport::either});
    ASSERT_TRUE(channel->send(kInitialize));
    ASSERT_TRUE(heard("POST /messages", "\"initialize\"")) << status;
    EXPECT_EQ(endpoint.count("POST /sse"), 1);
    EXPECT_EQ(endpoint.count("GET"), 1);
    channel.reset();
  }
}

TEST_F(SseChannelTest, who_refuses_it_otherwise_or_speaks_streamable_http_is_not) {
  endpoint.script = [](const std::string&) { return Act{json("", 503)}; };
  open({.transport = HttpTransport::either});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("HTTP 503"));
  lines.clear();
  endpoint.script = [](const std::string&) { return Act{json(kHello)}; };
  open({.transport = HttpTransport::either});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines, ElementsAre(kHello));
  lines.clear();
  endpoint.script = [](const std::string&) { return Act{json("", 404)}; };
  open();
  open({.transport = HttpTransport::streamable});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(1));
  EXPECT_EQ(endpoint.count("GET"), 0);
}

TEST_F(SseChannelTest, who_speaks_neither_is_named_with_the_reasons_of_both) {
  const std::string said = R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"not here"}})";
  endpoint.script = [&](const std::string& request) {
    return Act{request.starts_with("GET") ? json("", 406) : json(said, 404)};
  };
  open({.transport = HttpTransport::either});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr(R"("id":0,"error":{"code":-32603)"));
  EXPECT_THAT(lines[0], HasSubstr("HTTP 404: not here; nor is it HTTP+SSE: HTTP 406"));
  EXPECT_EQ(closed, "");
}

TEST_F(SseChannelTest, a_stream_that_does_not_say_where_messages_go_is_given_up) {
  endpoint.script = [](const std::string&) { return Act{kStream, Act::stream}; };
  open({.transport = HttpTransport::sse, .connect_timeout = 50ms});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("does not say where messages go"));
  EXPECT_TRUE(run_until(loop, [&] { return endpoint.streams == 0; }));
  endpoint.script = [](const std::string&) { return Act{kStream + kEnd}; };
  open();
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(2));
  EXPECT_THAT(lines[1], HasSubstr("ended before it said where messages go"));
  EXPECT_EQ(endpoint.count("POST"), 0);
}

TEST_F(SseChannelTest, messages_go_to_no_other_origin) {
  const std::string port = std::to_string(endpoint.listener->address().port);
  for (const std::string elsewhere :
       {"http://evil.example/messages", "//127.0.0.1:1/messages", "http://127.0.0.1:1/", "unix:/tmp/x"}) {
    where = elsewhere;
    lines.clear();
    open();
    ASSERT_TRUE(channel->send(kInitialize));
    ASSERT_TRUE(told(1)) << where;
    EXPECT_THAT(lines[0], HasSubstr("another origin: ")) << where;
  }
  where = "/messages?a\ndata: X: y";
  lines.clear();
  open();
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("control character"));
  EXPECT_EQ(endpoint.count("POST"), 0);
  where = "http://127.0.0.1:" + port + "/messages?session=1";
  open();
  ASSERT_TRUE(channel->send(kInitialize));
  EXPECT_TRUE(heard("POST /messages?session=1 ", "\"initialize\""));
}

TEST_F(SseChannelTest, a_message_that_is_refused_fails_its_request_only) {
  shake_hands();
  endpoint.script = [](const std::string& request) {
    return request.starts_with("POST") ? Act{json("", 503)} : Act{};
  };
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr(R"("id":7,"error":{"code":-32603)"));
  EXPECT_THAT(lines[0], HasSubstr("HTTP 503"));
  EXPECT_EQ(closed, "");
}

TEST_F(SseChannelTest,
       a_session_that_the_server_forgot_closes_the_channel_and_its_request_may_be_sent_again) {
  shake_hands();
  endpoint.script = [](const std::string&) { return Act{json("", 404)}; };
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("the session is over: HTTP 404"));
  EXPECT_THAT(undelivered, ElementsAre("7"));
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(SseChannelTest, the_end_of_the_stream_is_the_end_of_the_channel) {
  shake_hands();
  endpoint.cut();
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("its stream ended"));
  EXPECT_FALSE(channel->writable());
  EXPECT_EQ(endpoint.count("GET"), 1) << "it cannot be taken up again";
}

TEST_F(SseChannelTest, a_message_beyond_the_limit_closes_the_channel) {
  open({.transport = HttpTransport::sse, .line_limit = 1000});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(heard("POST", "\"initialize\""));
  endpoint.push(message_event(std::string(5000, 'x')));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("longer than 1000 bytes"));
}

TEST_F(SseChannelTest, silence_is_no_end_of_it) {
  open({.transport = HttpTransport::sse, .silence = 20ms});
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(heard("POST", "\"initialize\""));
  loop.restart();
  loop.run_for(100ms);
  EXPECT_EQ(closed, "");
  endpoint.push(message_event(kHello));
  EXPECT_TRUE(told(1));
}

TEST_F(SseChannelTest, nobody_at_the_address_closes_the_channel) {
  open();
  endpoint.listener->close();
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("nobody answers at 127.0.0.1:"));
  EXPECT_THAT(lines, ElementsAre(HasSubstr(R"("id":0,"error")")));
}

}  // namespace
}  // namespace holdfast::mcp
