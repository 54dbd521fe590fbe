// The HTTP/1.1 server: sockets in, requests to a handler, answers out. Knows no route.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/task_group.h"
#include "front/body_stream.h"
#include "front/request.h"
#include "net/listener.h"

namespace holdfast::front {

struct Response {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool hold_connection = false;                  // from here on idleness does not close this connection
  std::shared_ptr<BodyStream> stream = nullptr;  // the body, in place of `body`; closed when the client goes
};

// Runs once per request. When the client's connection breaks, the coroutine is cancelled (a value, see
// base/task_group.h) and its answer dropped. The function object lives until its last call has ended.
using Handler = std::function<asio::awaitable<Response>(Request)>;

// What stands behind a listener.
struct Service {
  Handler handler;
  std::uint64_t body_limit = 64U << 20;  // bytes; more: 413
};

struct HttpServerOptions {
  milliseconds header_timeout{10'000};  // from a request's first byte to the end of its head
  milliseconds body_timeout{60'000};
  milliseconds idle_timeout{120'000};      // between requests
  milliseconds write_timeout{60'000};      // of a whole answer, or of one piece of a stream
  milliseconds keep_alive{15'000};         // after which a stream that says nothing shows that it lives
  std::uint32_t header_limit = 16U << 10;  // bytes; more: 431
  // Of one listener, so that none starves another. For one more the longest idle is closed; is none idle:
  // 503.
  std::size_t connections = 512;
  std::shared_ptr<Backlog> backlog = nullptr;  // of what connections hold; null: without a bound
};

// Loop thread only.
class HttpServer {
 public:
  static std::unique_ptr<HttpServer> create(asio::any_io_executor executor, HttpServerOptions options);
  virtual ~HttpServer() = default;  // cancels all that still runs

  // Serves `listener` from now on; any number of listeners.
  virtual void serve(net::Listener listener, Service service) = 0;
  // Called once for each connection that ended, after its handler has. Set before the first serve().
  virtual void on_connection_closed(std::function<void(std::uint64_t connection)> listener) = 0;

  // Stops listening and closes idle connections at once; waits for requests in flight until the deadline,
  // then cancels them and waits for their end.
  virtual asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline) = 0;

  [[nodiscard]] virtual std::size_t connections() const = 0;
};

}  // namespace holdfast::front
