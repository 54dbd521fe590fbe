// Answers whose body comes in pieces.
#include <atomic>

#include "front/front_testing.h"
#include "front/http_server.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;
using std::chrono::steady_clock;

Piece piece(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

struct HttpStreamTest : testing::Test {
  TempDir dir;
  std::filesystem::path path = dir.path / "s";
  LoopThread thread;
  std::shared_ptr<BodyStream> stream;  // of the request under way
  std::atomic<int> calls = 0, closed = 0;
  std::unique_ptr<HttpServer> server;

  void start(HttpServerOptions options = {}, std::size_t limit = 1 << 20) {
    thread.on([&] {
      server = HttpServer::create(thread.loop.get_executor(), options);
      server->on_connection_closed([this](std::uint64_t) { ++closed; });
      auto listener = net::Listener::open(thread.loop.get_executor(), unix_address(path.string()));
      ASSERT_TRUE(listener) << listener.error().message();
      server->serve(std::move(*listener), {.handler = [this, limit](Request request) {
                      return answer(std::move(request), limit);
                    }});
    });
  }
  asio::awaitable<Response> answer(Request request, std::size_t limit) {
    ++calls;
    if (request.path() == "/plain") co_return Response{.body = "plain answer", .headers = {}};
    const std::size_t large = request.path() == "/large"    ? 4 << 20
                              : request.path() == "/larger" ? 5 << 20
                                                            : 0;
    if (large > 0) co_return Response{.body = std::string(large - 1, 'x') + "!", .headers = {}};
    stream = std::make_shared<BodyStream>(thread.loop.get_executor(), limit, ":\n\n");
    if (request.path() == "/said") stream->write(piece("said before"));
    co_return Response{.body = {}, .content_type = "text/event-stream", .headers = {}, .stream = stream};
  }
  void ask(RawClient& client, std::string_view target = "/s", std::string_view version = "1.1") {
    const int before = calls;
    client.send("GET " + std::string(target) + " HTTP/" + std::string(version) + "\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return calls > before; }));
  }
  bool say(std::string text) {
    return thread.on([&] { return stream->write(piece(std::move(text))); });
  }
  void finish() {
    thread.on([&] { stream->finish(); });
  }
  bool is_closed() {
    return thread.on([&] { return stream->closed_at().has_value(); });
  }
  ~HttpStreamTest() override {
    if (server) thread.await(server->stop(steady_clock::now() + 5s));
    thread.on([&] { server.reset(); });
  }
};

TEST_F(HttpStreamTest, pieces_come_when_they_are_said_as_chunks_and_the_connection_serves_on) {
  start();
  RawClient client(path);
  ask(client);
  EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(client.read_until("\r\n\r\n").find("Content-Length"), std::string::npos);
  client.clear();
  say("0123456789abcdef");
  EXPECT_EQ(client.read_until("f\r\n"), "10\r\n0123456789abcdef\r\n");
  client.clear();
  finish();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  client.clear();
  ask(client, "/plain");
  EXPECT_NE(client.read_until("plain answer").find("HTTP/1.1 200"), std::string::npos);
  EXPECT_EQ(closed, 0);
}

TEST_F(HttpStreamTest, what_was_said_already_comes_with_the_head) {
  start();
  RawClient client(path);
  ask(client, "/said");
  const std::string got = client.read_until("said before\r\n");
  EXPECT_NE(got.find("\r\n\r\nb\r\nsaid before\r\n"), std::string::npos) << got;
}

TEST_F(HttpStreamTest, a_client_of_http_1_0_gets_it_plain_until_the_end_of_the_connection) {
  start();
  RawClient client(path);
  ask(client, "/s", "1.0");
  say("one ");
  say("two");
  finish();
  const std::string got = client.read_to_end();
  EXPECT_TRUE(got.ends_with("\r\n\r\none two")) << got;
  EXPECT_EQ(got.find("chunked"), std::string::npos);
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpStreamTest, an_idle_stream_shows_that_it_lives) {
  start({.keep_alive = milliseconds(20)});
  RawClient client(path);
  ask(client);
  EXPECT_NE(client.read_until("3\r\n:\n\n\r\n3\r\n:\n\n\r\n").find("3\r\n:\n\n\r\n3\r\n:\n\n\r\n"),
            std::string::npos);
}

TEST_F(HttpStreamTest, a_client_that_goes_is_noticed_though_nothing_is_said) {
  start();
  RawClient client(path);
  ask(client);
  EXPECT_FALSE(is_closed());
  client.close();
  EXPECT_TRUE(eventually([&] { return is_closed(); }));
  EXPECT_TRUE(eventually([&] { return closed == 1; }));
  EXPECT_FALSE(say("to nobody"));
}

TEST_F(HttpStreamTest, a_slow_reader_delays_nobody_and_is_let_go_over_its_bound) {
  start({}, 1 << 20);
  RawClient slow(path);
  ask(slow);
  const auto of_slow = thread.on([&] { return stream; });
  RawClient quick(path);
  int said = 0;
  const std::string large(64 << 10, 'x');
  while (thread.on([&] { return of_slow->write(piece(large)); }) && said < 1000) ++said;
  EXPECT_GT(said, 15);    // its bound
  EXPECT_LT(said, 1000);  // and what the kernel takes
  ask(quick, "/plain");
  EXPECT_NE(quick.read_until("plain answer").find("plain answer"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return closed == 1; }));
  slow.read_to_end();
  EXPECT_TRUE(slow.ended());
}

TEST_F(HttpStreamTest, what_all_of_them_do_not_read_is_bounded_and_the_largest_is_let_go) {
  const auto backlog = std::make_shared<Backlog>(10 << 20);
  start({.backlog = backlog});
  const auto waits = [&] { return thread.on([&] { return backlog->bytes(); }); };
  RawClient first(path), second(path), quick(path);
  ask(first, "/large");
  ask(second, "/larger");
  EXPECT_TRUE(eventually([&] { return waits() == 9 << 20; })) << waits();
  RawClient sender(path);
  sender.send("POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" +
              std::string(3'000'000, 'y'));
  EXPECT_TRUE(eventually([&] { return closed == 1; }));
  EXPECT_LE(waits(), 10U << 20);
  ask(quick, "/plain");
  EXPECT_NE(quick.read_until("plain answer").find("plain answer"), std::string::npos);
  sender.send(std::string(1'000'000, 'y'));
  EXPECT_NE(sender.read_until("plain answer").find("plain answer"), std::string::npos);
  second.read_to_end();
  EXPECT_TRUE(second.ended());
  EXPECT_TRUE(first.read_until("!").ends_with("x!")) << "what fits goes on";
  EXPECT_TRUE(eventually([&] { return waits() == 0; })) << waits();
}

TEST_F(HttpStreamTest, a_piece_that_nobody_takes_in_time_ends_the_connection) {
  start({.write_timeout = milliseconds(100)}, 64 << 20);
  RawClient slow(path);
  ask(slow);
  say(std::string(16 << 20, 'x'));
  EXPECT_TRUE(eventually([&] { return is_closed() && closed == 1; }));
}

TEST_F(HttpStreamTest, a_request_that_was_sent_behind_is_answered_after_the_stream) {
  start();
  RawClient client(path);
  client.send("GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /plain HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return calls == 1; }));
  say("piece");
  client.read_until("piece");
  EXPECT_EQ(calls, 1);
  finish();
  const std::string got = client.read_until("plain answer");
  EXPECT_NE(got.find("0\r\n\r\nHTTP/1.1 200"), std::string::npos) << got;
}

TEST_F(HttpStreamTest, stop_ends_a_stream_at_its_deadline) {
  start();
  RawClient client(path);
  ask(client);
  thread.await(server->stop(steady_clock::now() + 50ms));
  EXPECT_TRUE(is_closed());
  client.read_to_end();
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace holdfast::front
