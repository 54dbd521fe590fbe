// HTTP+SSE, the transport before Streamable HTTP (spec 2024-11-05), for clients that know nothing newer: GET
// /sse opens a stream whose first event says where messages go, /messages?session=ID; all that is said to the
// client comes by that stream. It cannot be taken up again, so a session ends with it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "front/envelope.h"
#include "front/http_server.h"
#include "front/mcp_session.h"
#include "gateway/principal.h"

namespace holdfast::front {

struct SseOptions {
  std::size_t streams = 1024;           // more: 503
  std::size_t stream_limit = 8U << 20;  // bytes that wait for a slow client
  milliseconds patience{60'000};        // for initialize, or the stream is ended
  std::shared_ptr<Backlog> backlog = nullptr;
};

// Loop thread only.
class SseStreams {
 public:
  // What initialize became: a session whose stream is to be given to it, and its answer; without one the
  // answer says why.
  struct Greeting {
    std::shared_ptr<McpSession> session;
    std::string line;
  };
  // Whose a stream is, at which address (a server's name, empty for all), and the connection that its session
  // has to end with.
  struct Caller {
    gateway::PrincipalPtr who;
    std::string address;
    std::uint64_t connection = 0;
    std::vector<std::pair<std::string, std::string>> headers{};  // its own, of GET
  };
  // Opens the session of a stream.
  using Greet = std::function<asio::awaitable<Greeting>(Caller caller, Envelope initialize)>;

  SseStreams(asio::any_io_executor executor, SseOptions options, Greet greet)
      : executor_(std::move(executor)), options_(options), greet_(std::move(greet)) {}

  // GET /sse.
  Response open(const Request& request, Caller caller);
  // POST /messages: only accepted, its answer comes by the stream. No other principal's is found for `who`.
  Response post(const Request& request, const gateway::PrincipalPtr& who);
  // Whose client is gone. The session is ended by whoever opened it.
  void connection_closed(std::uint64_t connection);
  // Ends those that nobody has greeted on in time, and lets go of what has ended.
  void tidy(std::chrono::steady_clock::time_point now);
  // Ends all and waits for what is under way; nothing is opened any more.
  asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct Stream;
  using SharedStream = std::shared_ptr<Stream>;

  asio::awaitable<void> greet(SharedStream stream, Envelope initialize);
  void end(const SharedStream& stream);

  asio::any_io_executor executor_;
  SseOptions options_;
  Greet greet_;
  std::map<std::string, SharedStream, std::less<>> streams_;  // by id; until nothing of one runs any more
  bool stopped_ = false;
};

}  // namespace holdfast::front
