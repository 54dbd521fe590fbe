#include "mcp/http_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mcp/http_testing.h"

namespace holdfast::mcp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct HttpChannelTest : testing::Test {
  asio::io_context loop;
  Endpoint endpoint{loop};
  std::unique_ptr<Channel> channel;
  std::vector<std::string> lines;
  std::string closed;

  void open(HttpChannelOptions options = {}) {
    const auto& address = endpoint.listener->address();
    options.url = {.host = address.host, .port = address.port, .target = "/mcp"};
    options.retry = 1ms;
    channel = make_http_channel(loop.get_executor(), std::move(options));
    channel->start({.line = [this](PaddedText line) { lines.emplace_back(line.view()); },
                    .oversized = {},
                    .closed = [this](const Error& why) { closed = why.message(); }});
  }
  // The handshake, and a GET that is refused; then `script` for the rest.
  void shake_hands(std::function<Act(const std::string&)> script) {
    endpoint.script = [script = std::move(script)](const std::string& request) -> Act {
      if (request.find("\"initialize\"") != std::string::npos)
        return {json(kHello, 200, "Mcp-Session-Id: s-1\r\n")};
      if (request.find("notifications/") != std::string::npos) return {json("", 202)};
      return script(request);
    };
    open();
    ASSERT_TRUE(channel->send(kInitialize));
    ASSERT_TRUE(run_until(loop, [&] { return lines.size() == 1; }));
    EXPECT_EQ(lines[0], kHello);
    lines.clear();
  }
  bool told(std::size_t count) {
    return run_until(loop, [&] { return lines.size() >= count; });
  }
};

TEST_F(HttpChannelTest, lines_are_posts_under_the_session_and_the_revision_that_the_handshake_gave) {
  shake_hands([](const std::string&) -> Act { return {json(R"({"jsonrpc":"2.0","id":7,"result":{}})")}; });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines, ElementsAre(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
  EXPECT_THAT(endpoint.heard[0], Not(HasSubstr("Mcp-Session-Id")));
  EXPECT_THAT(endpoint.heard[1], HasSubstr("Mcp-Session-Id: s-1\r\nMCP-Protocol-Version: 2025-11-25\r\n"));
  EXPECT_THAT(endpoint.heard[1], HasSubstr("Accept: application/json, text/event-stream\r\n"));
  channel.reset();
  EXPECT_TRUE(run_until(loop, [&] { return endpoint.count("DELETE", "Mcp-Session-Id: s-1") == 1; }))
      << "the session is given back";
}

TEST_F(HttpChannelTest, what_stands_on_a_stream_before_the_answer_is_told_in_its_order) {
  shake_hands([](const std::string&) -> Act {
    return {kStream +
            chunk("id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n\ndata: {\"jsonrpc\":\"2.0\",") +
            chunk("\"id\":7,\ndata: \"result\":{}}\n\n") + kEnd};
  });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(2));
  EXPECT_THAT(lines,
              ElementsAre(R"({"jsonrpc":"2.0","method":"a"})", R"({"jsonrpc":"2.0","id":7, "result":{}})"));
}

TEST_F(HttpChannelTest, a_stream_that_broke_is_taken_up_behind_its_last_event) {
  int gets = 0;
  shake_hands([&](const std::string& request) -> Act {
    if (request.starts_with("POST")) return {kStream + chunk("id: e1\ndata: \n\n"), Act::cut};
    if (++gets == 1)
      return {kStream + chunk("id: e2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n\n") + kEnd};
    return {kStream + chunk("id: e3\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n") + kEnd};
  });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(2));
  EXPECT_THAT(lines[1], HasSubstr("\"result\""));
  EXPECT_EQ(endpoint.count("GET", "Last-Event-ID: e1\r\n"), 1);
  EXPECT_EQ(endpoint.count("GET", "Last-Event-ID: e2\r\n"), 1);
}

// 2025-11-25, SSE polling: to part is no error.
TEST_F(HttpChannelTest, a_stream_that_parts_in_good_order_is_taken_up_when_it_says) {
  std::optional<steady_clock::time_point> parted, back;
  shake_hands([&](const std::string& request) -> Act {
    if (request.starts_with("POST")) {
      parted = steady_clock::now();
      return {kStream + chunk("id: e1\nretry: 60\ndata: \n\n") + kEnd};
    }
    back = steady_clock::now();
    return {kStream + chunk("id: e2\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n") + kEnd};
  });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("\"result\""));
  EXPECT_EQ(endpoint.count("GET", "Last-Event-ID: e1\r\n"), 1);
  ASSERT_TRUE(parted && back);
  EXPECT_GE(*back - *parted, std::chrono::milliseconds(60));
}

TEST_F(HttpChannelTest, an_endpoint_that_parts_at_once_each_time_does_not_keep_us_busy) {
  int gets = 0;
  const auto begun = steady_clock::now();
  shake_hands([&](const std::string& request) -> Act {
    if (request.starts_with("POST")) return {kStream + chunk("id: e0\nretry: 0\ndata: \n\n") + kEnd};
    if (++gets < 4)
      return {kStream + chunk("id: e" + std::to_string(gets) + "\nretry: 0\ndata: \n\n") + kEnd};
    return {kStream + chunk("id: e9\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n") + kEnd};
  });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("\"result\""));
  EXPECT_GE(steady_clock::now() - begun, std::chrono::milliseconds(4 * 50));
}

TEST_F(HttpChannelTest, a_request_that_gets_no_answer_is_answered_with_the_reason) {
  int posts = 0;
  shake_hands([&](const std::string&) -> Act {
    switch (++posts) {
      case 1:
        return {json(R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"not \"today\""}})", 400)};
      case 2:
        return {"", Act::cut};
      case 3:
        return {kStream + kEnd};
      default:
        return {"HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\nno"};
    }
  });
  for (const std::string_view why :
       {"HTTP 400: not \\\"today\\\"", "the connection ended", "without one", "HTTP 503"}) {
    lines.clear();
    ASSERT_TRUE(channel->send(kCall));
    ASSERT_TRUE(told(1)) << why;
    EXPECT_THAT(lines[0], HasSubstr(R"("id":7,"error":{"code":-32603)"));
    EXPECT_THAT(lines[0], HasSubstr(why));
  }
  EXPECT_EQ(closed, "");
}

TEST_F(HttpChannelTest, a_request_that_was_withdrawn_is_not_waited_for) {
  endpoint.script = [](const std::string& request) -> Act {
    if (request.find("notifications/cancelled") != std::string::npos) return {json("", 202)};
    return {kStream + chunk("id: e1\ndata: \n\n"), Act::hold};  // it keeps the stream open all the same
  };
  open({.requests = 2});
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(run_until(loop, [&] { return endpoint.count("POST", "tools/call") == 1; }));
  ASSERT_TRUE(
      channel->send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})"));
  ASSERT_TRUE(run_until(loop, [&] { return endpoint.count("POST", "notifications/cancelled") == 1; }));
  for (int more = 1; more <= 2; ++more) ASSERT_TRUE(channel->send(kCall));  // there is room for both
  EXPECT_TRUE(run_until(loop, [&] { return endpoint.count("POST", "tools/call") == 3; }));
  EXPECT_EQ(endpoint.count("GET"), 0) << "nor is it taken up again";
  EXPECT_THAT(lines, ElementsAre()) << "and it gets no answer";
}

TEST_F(HttpChannelTest, what_is_said_unasked_comes_by_a_stream_that_is_taken_up_again) {
  int gets = 0;
  shake_hands([&](const std::string& request) -> Act {
    if (!request.starts_with("GET")) return {json("", 204)};
    if (++gets == 1)
      return {kStream + chunk("id: g1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n\n"), Act::cut};
    return {kStream + chunk("data: {\"jsonrpc\":\"2.0\",\"method\":\"b\"}\n\n"), Act::hold};
  });
  ASSERT_TRUE(channel->send(kInitialized));
  ASSERT_TRUE(told(2));
  EXPECT_THAT(lines[1], HasSubstr("\"b\""));
  EXPECT_EQ(endpoint.count("GET", "Last-Event-ID: g1\r\n"), 1);
  channel.reset();
  EXPECT_TRUE(run_until(loop, [&] { return endpoint.count("DELETE") == 1; }));
}

TEST_F(HttpChannelTest, an_endpoint_without_such_a_stream_is_not_asked_again) {
  shake_hands([](const std::string& request) -> Act {
    return {request.starts_with("GET") ? json("", 405) : json(R"({"jsonrpc":"2.0","id":7,"result":{}})")};
  });
  ASSERT_TRUE(channel->send(kInitialized));
  ASSERT_TRUE(run_until(loop, [&] { return endpoint.count("GET") == 1; }));
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(1));
  EXPECT_EQ(endpoint.count("GET"), 1);
}

TEST_F(HttpChannelTest, a_session_that_the_endpoint_forgot_closes_the_channel) {
  shake_hands([](const std::string&) -> Act {
    return {json(R"({"jsonrpc":"2.0","error":{"code":-32001,"message":"gone"}})", 404)};
  });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("the session is over: HTTP 404: gone"));
  EXPECT_THAT(lines, ElementsAre(HasSubstr(R"("id":7,"error")")));
  EXPECT_FALSE(channel->send(kCall));
  EXPECT_FALSE(channel->writable());
}

TEST_F(HttpChannelTest, nobody_at_the_address_closes_the_channel) {
  endpoint.script = [](const std::string&) -> Act { return {}; };
  open();
  endpoint.listener->close();
  ASSERT_TRUE(channel->send(kInitialize));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("nobody answers at 127.0.0.1:"));
  EXPECT_THAT(lines, ElementsAre(HasSubstr(R"("id":0,"error")")));
}

TEST_F(HttpChannelTest, what_lets_requests_go_does_not_wait_behind_them) {
  HttpChannelOptions options;
  options.requests = 1;
  open(std::move(options));
  shake_hands([](const std::string& request) -> Act {
    if (request.find("cancelled") != std::string::npos)
      return {"HTTP/1.1 202 X\r\nContent-Length: 0\r\n\r\n"};
    if (request.find("\"id\":7") != std::string::npos) return {"", Act::hold};
    return {json(R"({"jsonrpc":"2.0","id":8,"result":{}})")};
  });
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(channel->send(R"({"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"y"}})"));
  ASSERT_TRUE(
      channel->send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})"));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("\"id\":8,\"result\""));
}

TEST_F(HttpChannelTest, requests_beyond_the_bound_wait_and_a_queue_beyond_its_own_is_refused) {
  shake_hands([](const std::string&) -> Act { return {"", Act::hold}; });
  channel.reset();
  lines.clear();
  open({.queue_limit = 200, .requests = 1});
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(run_until(loop, [&] { return endpoint.count("POST", "tools/call") == 1; }));
  ASSERT_TRUE(channel->send(kCall));
  loop.restart();
  loop.run_for(20ms);
  EXPECT_EQ(endpoint.count("POST", "tools/call"), 1);
  EXPECT_TRUE(channel->send(kCall));  // what waits for a place counts
  const auto full = channel->send(kCall);
  ASSERT_FALSE(full);
  EXPECT_TRUE(full.error().is(Errc::limit));
}

TEST_F(HttpChannelTest, a_message_beyond_the_limit_fails_its_request_only) {
  int posts = 0;
  shake_hands([&](const std::string& request) -> Act {
    if (request.starts_with("DELETE")) return {json("", 204)};
    if (++posts > 1) return {json(R"({"jsonrpc":"2.0","id":7,"result":{}})")};
    return {kStream + chunk("data: " + std::string(5000, 'x') + "\n\n"), Act::hold};
  });
  channel.reset();
  lines.clear();
  open({.line_limit = 1000});
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(lines[0], HasSubstr("longer than 1000 bytes"));
  ASSERT_TRUE(channel->send(kCall));
  ASSERT_TRUE(told(2));
  EXPECT_THAT(lines[1], HasSubstr("\"result\""));
}

}  // namespace
}  // namespace holdfast::mcp
