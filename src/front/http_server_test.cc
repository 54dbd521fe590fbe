#include "front/http_server.h"

#include <atomic>
#include <random>

#include "front/front_testing.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;
using std::chrono::steady_clock;

struct Seen {
  std::atomic<int> calls = 0, cancelled = 0, closed = 0;
};

asio::awaitable<Response> answer(Seen* seen, Request request) {
  ++seen->calls;
  if (request.path() == "/wait") {
    if (!co_await sleep_until(steady_clock::now() + 20s)) {
      ++seen->cancelled;
      co_return Response{};
    }
  }
  Response response;
  response.content_type = "text/plain";
  response.hold_connection = request.path() == "/hold";
  response.body = request.method + " " + std::string(request.path()) + " " +
                  request.query("q").value_or("-") + " " + std::to_string(request.body.size());
  co_return response;
}

struct HttpServerTest : testing::Test {
  TempDir dir;
  LoopThread thread;
  Seen seen;
  std::unique_ptr<HttpServer> server;
  std::filesystem::path path = dir.path / "s";

  void start(HttpServerOptions options = {}, std::uint64_t body_limit = 64U << 20) {
    thread.on([&] {
      server = HttpServer::create(thread.loop.get_executor(), options);
      server->on_connection_closed([this](std::uint64_t) { ++seen.closed; });
      auto listener = net::Listener::open(thread.loop.get_executor(), unix_address(path.string()));
      ASSERT_TRUE(listener) << listener.error().message();
      server->serve(
          std::move(*listener),
          {.handler = [this](Request r) { return answer(&seen, std::move(r)); }, .body_limit = body_limit});
    });
  }
  ~HttpServerTest() override {
    if (server) thread.await(server->stop(steady_clock::now() + 5s));
    thread.on([&] { server.reset(); });
  }
};

TEST_F(HttpServerTest, answers_over_one_connection_again_and_again) {
  start();
  RawClient client(path);
  for (int i = 0; i < 3; ++i) {
    client.clear();
    client.send("GET /a?q=x%20y HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(client.read_until("GET /a x y 0").find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  }
  EXPECT_EQ(seen.closed, 0);
}

TEST_F(HttpServerTest, pipelined_requests_are_answered_in_order) {
  start();
  RawClient client(path);
  client.send(
      "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string got = client.read_to_end();
  EXPECT_TRUE(client.ended());
  const auto one = got.find("POST /1 - 3"), two = got.find("GET /2 - 0"), three = got.find("GET /3 - 0");
  EXPECT_LT(one, two);
  EXPECT_LT(two, three);
  EXPECT_NE(three, std::string::npos);
}

TEST_F(HttpServerTest, chunked_bodies_and_expect_100_continue_work) {
  start();
  RawClient client(path);
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_NE(client.read_until("100 Continue").find("100 Continue"), std::string::npos);
  client.send("3\r\nabc\r\n0\r\n\r\n");
  EXPECT_NE(client.read_until("/c - 3").find("/c - 3"), std::string::npos);
}

TEST_F(HttpServerTest, garbage_gets_400_and_the_connection_ends) {
  start();
  RawClient client(path);
  client.send("\x16\x03\x01 what is this\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(seen.calls, 0);
}

TEST_F(HttpServerTest, random_bytes_never_reach_a_handler_and_never_stop_the_server) {
  start({.header_timeout = milliseconds(200)});
  std::mt19937 random(7);  // NOLINT: the same bytes every time
  for (int i = 0; i < 200; ++i) {
    std::string bytes(random() % 300, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    RawClient client(path);
    client.send(
        (i % 2 == 0 ? "GET / HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\nContent-Length: 3\r\n" : "") +
        bytes);
  }
  const int reached = seen.calls;
  RawClient client(path);
  client.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("/b - 0").find("/b - 0"), std::string::npos);
  EXPECT_EQ(reached, 0);
}

TEST_F(HttpServerTest, a_full_listener_starves_no_other) {
  start({.connections = 1});
  const auto other = dir.path / "t";
  thread.on([&] {
    auto listener = net::Listener::open(thread.loop.get_executor(), unix_address(other.string()));
    server->serve(std::move(*listener),
                  {.handler = [this](Request r) { return answer(&seen, std::move(r)); }});
  });
  RawClient full(path);
  full.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  full.read_until("/1 - 0");
  RawClient client(other);
  client.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("/2 - 0").find("/2 - 0"), std::string::npos);
}

TEST_F(HttpServerTest, oversized_headers_get_431) {
  start();
  RawClient client(path);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20000, 'a') + "\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 431 "));
  EXPECT_EQ(seen.calls, 0);
}

// Neither the parser's limit of a head nor that of a body is about them.
TEST_F(HttpServerTest, oversized_trailers_and_chunk_extensions_get_431) {
  start();
  for (const std::string& rest : std::vector<std::string>{
           "2\r\n{}\r\n0\r\nX-Long: " + std::string(200'000, 'a'), "2;x=" + std::string(200'000, 'a')}) {
    RawClient client(path);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + rest);
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 431 "));
  }
  EXPECT_EQ(seen.calls, 0);
  RawClient modest(path);
  modest.send(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nX-End: "
      "1\r\n\r\n");
  EXPECT_TRUE(modest.read_to_end().starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, oversized_bodies_get_413_announced_or_not) {
  start({}, 1000);
  RawClient announced(path);
  announced.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n");
  EXPECT_TRUE(announced.read_to_end().starts_with("HTTP/1.1 413 "));
  RawClient chunked(path);
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
               std::string(2000, 'a') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(chunked.read_to_end().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(seen.calls, 0);
}

// Two readers must not disagree on where a request ends.
TEST_F(HttpServerTest, conflicting_lengths_are_refused_and_nothing_behind_them_is_read) {
  start();
  for (const char* lengths :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 5\r\n", "Content-Length: -1\r\n", "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n", "Content-Length: 99999999999999999999\r\n", "Content-Length : 4\r\n"}) {
    RawClient client(path);
    client.send("POST /1 HTTP/1.1\r\nHost: x\r\n" + std::string(lengths) +
                "\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string got = client.read_to_end();
    EXPECT_TRUE(got.starts_with("HTTP/1.1 4")) << lengths << got;
    EXPECT_TRUE(client.ended()) << lengths;
  }
  EXPECT_EQ(seen.calls, 0);
}

TEST_F(HttpServerTest, a_slow_header_is_cut_off_and_disturbs_nobody) {
  start({.header_timeout = milliseconds(100)});
  RawClient slow(path);
  slow.send("GET /slow HTT");
  RawClient other(path);
  other.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(other.read_until("/b - 0").find("/b - 0"), std::string::npos);
  slow.read_to_end();
  EXPECT_TRUE(slow.ended());
}

TEST_F(HttpServerTest, idle_connections_end_but_held_ones_stay) {
  start({.idle_timeout = milliseconds(100)});
  RawClient held(path), idle(path);
  held.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  held.read_until("/hold - 0");
  idle.read_to_end();
  EXPECT_TRUE(idle.ended());
  held.read_until("nothing comes", 150ms);
  EXPECT_FALSE(held.ended());
}

TEST_F(HttpServerTest, a_client_that_goes_cancels_its_handler) {
  start();
  RawClient client(path);
  client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen.calls == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return seen.cancelled == 1 && seen.closed == 1; }));
}

TEST_F(HttpServerTest, a_client_that_goes_is_seen_behind_pipelined_bytes) {
  start();
  RawClient client(path);
  client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n" +
              std::string(100000, 'x'));
  ASSERT_TRUE(eventually([&] { return seen.calls == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return seen.cancelled == 1 && seen.closed == 1; }));
}

TEST_F(HttpServerTest, over_the_cap_the_longest_idle_makes_way) {
  start({.connections = 3});
  RawClient held(path), first(path), second(path);
  for (RawClient* client : {&held, &first, &second}) {
    client->send(client == &held ? "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
                                 : "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    client->read_until(" - 0");
  }
  RawClient third(path);
  third.send("GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(third.read_until("/3 - 0").find("/3 - 0"), std::string::npos);
  first.read_to_end();
  EXPECT_TRUE(first.ended());
  second.clear();
  second.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(second.read_until("/2 - 0").find("/2 - 0"), std::string::npos);
  EXPECT_EQ(seen.closed, 1);
}

TEST_F(HttpServerTest, over_the_cap_with_none_idle_503_arrives_whatever_was_sent_meanwhile) {
  start({.connections = 1});
  RawClient first(path);
  first.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen.calls == 1; }));
  for (int i = 0; i < 100; ++i) {  // more than are seen off with care
    const auto got =
        net::fetch(unix_address(path.string()),
                   {.method = "POST", .target = "/2", .headers = {}, .body = std::string(1 << 20, 'b')}, 10s);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->status, 503U);
    EXPECT_NE(got->body.find("all 1 connections"), std::string::npos) << got->body;
  }
  EXPECT_EQ(seen.calls, 1);
  first.close();
  ASSERT_TRUE(eventually([&] { return seen.closed == 1; }));
  RawClient third(path);
  third.send("GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(third.read_until("/3 - 0").find("/3 - 0"), std::string::npos);
}

TEST_F(HttpServerTest, stop_lets_requests_finish_until_the_deadline_and_ends_idle_connections) {
  start();
  RawClient idle(path), busy(path);
  busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen.calls == 1; }));
  const auto began = steady_clock::now();
  thread.await(server->stop(steady_clock::now() + 100ms));
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_EQ(seen.cancelled, 1);
  EXPECT_FALSE(std::filesystem::exists(path));
  idle.read_to_end();
  EXPECT_TRUE(idle.ended());
}

TEST_F(HttpServerTest, our_own_client_gets_bodies_of_a_megabyte_over_tcp) {
  start();
  const auto address = thread.on([&] {
    auto listener = net::Listener::open(thread.loop.get_executor(), *parse_address("127.0.0.1:0"));
    const Address bound = listener->address();
    server->serve(std::move(*listener),
                  {.handler = [this](Request r) { return answer(&seen, std::move(r)); }});
    return bound;
  });
  const auto got = net::fetch(
      address, {.method = "POST", .target = "/big", .headers = {}, .body = std::string(1 << 20, 'b')}, 10s);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 200U);
  EXPECT_EQ(got->body, "POST /big - 1048576");
  EXPECT_EQ(got->header("CONTENT-TYPE"), "text/plain");
}

TEST_F(HttpServerTest, our_own_client_keeps_its_deadline) {
  start();
  const auto got =
      net::fetch(unix_address(path.string()), {.target = "/wait", .headers = {}, .body = {}}, 50ms);
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().is(Errc::timeout));
  EXPECT_TRUE(eventually([&] { return seen.cancelled == 1; }));
}

}  // namespace
}  // namespace holdfast::front
