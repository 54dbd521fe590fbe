#include "front/http_server.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <map>
#include <new>

#include "base/log.h"
#include "base/mutant.h"
#include "front/connection.h"

namespace holdfast::front {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;
using Parser = http::request_parser<http::string_body>;

namespace {

constexpr std::size_t kReadAhead = 64U << 10;    // pipelined bytes kept while a handler runs
constexpr std::chrono::seconds kLastResort{30};  // how long a cancelled handler may take to end, per wait
constexpr milliseconds kAcceptPause{100};        // after a failed accept (no descriptors left)
constexpr std::size_t kRefusals = 64;            // of one listener, that linger at a time
constexpr std::chrono::seconds kLinger{1};
constexpr std::size_t kUsualHeaders = 16;
constexpr std::chrono::hours kForever{24 * 365 * 10};

unsigned status_of(const error_code& ec) {
  if (ec == http::error::header_limit) return 431;
  if (ec == http::error::body_limit) return 413;
  return 400;
}

// What the coroutine that works on an answer and the connection's share; whoever is last frees it.
struct Call {
  explicit Call(const asio::any_io_executor& executor) : finished(executor) {}
  Response response;
  Event finished;        // the work is done: first the handler's, then the stream's
  bool written = false;  // a stream, to its end
};

void finish(const Shared& connection, const std::shared_ptr<Call>& call) {
  call->finished.set();
  error_code ignored;
  if (connection->socket.is_open()) connection->socket.cancel(ignored);  // wakes the watch below
}

asio::awaitable<void> run_handler(std::shared_ptr<Service> service, Request request,
                                  std::shared_ptr<Call> call, Shared connection) {
  try {
    call->response = co_await service->handler(std::move(request));
  } catch (const std::bad_alloc&) {  // costs this request, and nobody else
    call->response = plain_error(503, "there is no memory for this request");
  }
  finish(connection, call);
}

// The head at once, with what waits already; then whatever comes, until the end.
asio::awaitable<void> write_stream(Shared connection, std::shared_ptr<Call> call, std::string head,
                                   Framing framing, HttpServerOptions options) {
  const auto stream = call->response.stream;
  auto batch = co_await stream->next(steady_clock::now());
  while (!stream->closed_at()) {
    const bool last = batch.last;
    if (!co_await write_batch(connection, std::move(head), std::move(batch), framing, options.write_timeout))
      break;
    if ((call->written = last)) break;
    head.clear();
    batch = co_await stream->next(steady_clock::now() + options.keep_alive);
    if (batch.pieces.empty() && !batch.last)
      batch.pieces.push_back(std::make_shared<const std::string>(stream->keep_alive()));
  }
  finish(connection, call);
}

class Server final : public HttpServer, public std::enable_shared_from_this<Server> {
 public:
  Server(asio::any_io_executor executor, HttpServerOptions options)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        accepting_(executor_),
        serving_(executor_) {}

  void serve(net::Listener listener, Service service) override {
    const auto kept = std::make_shared<net::Listener>(std::move(listener));
    listeners_.push_back(kept);
    accepting_.spawn("http.accept", accept_loop(kept, std::make_shared<Service>(std::move(service))));
  }
  void on_connection_closed(std::function<void(std::uint64_t)> listener) override {
    closed_ = std::move(listener);
  }
  [[nodiscard]] std::size_t connections() const override { return open_.size(); }
  asio::awaitable<void> stop(steady_clock::time_point deadline) override;

  void abandon() {  // the owner goes: nothing may call back into it
    closed_ = nullptr;
    for (const auto& listener : listeners_) listener->close();
    for (const auto& [id, connection] : open_) connection->close();
    accepting_.cancel();
    serving_.cancel();
  }

 private:
  asio::awaitable<void> accept_loop(std::shared_ptr<net::Listener> listener,
                                    std::shared_ptr<Service> service);
  asio::awaitable<void> connection_loop(Shared connection, std::shared_ptr<Service> service);
  asio::awaitable<bool> one_request(Shared connection, std::shared_ptr<Service> service);
  asio::awaitable<bool> read_head(Shared connection, Parser& parser);
  asio::awaitable<bool> read_body(Shared connection, Parser& parser, std::uint64_t limit);
  asio::awaitable<bool> respond(Shared connection, std::shared_ptr<Service> service, Request request,
                                bool keep_alive, Framing framing);
  asio::awaitable<bool> send_stream(Shared connection, std::shared_ptr<Call> call, bool stay,
                                    Framing framing);
  asio::awaitable<bool> watch(Shared connection, std::shared_ptr<Call> call);
  asio::awaitable<void> see_off(Shared connection, std::shared_ptr<Call> call);
  asio::awaitable<void> reject(Shared connection, unsigned status);
  asio::awaitable<void> linger(Shared connection);
  bool admit(net::Accepted accepted, const std::shared_ptr<std::size_t>& open,
             const std::shared_ptr<Service>& service);
  bool make_room(const std::shared_ptr<std::size_t>& siblings);
  void refuse(net::Accepted accepted, const std::shared_ptr<std::size_t>& refusals);

  asio::any_io_executor executor_;
  HttpServerOptions options_;
  std::function<void(std::uint64_t)> closed_;
  std::vector<std::shared_ptr<net::Listener>> listeners_;
  std::map<std::uint64_t, Shared> open_;
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;
  TaskGroup accepting_, serving_;
};

asio::awaitable<void> Server::accept_loop(std::shared_ptr<net::Listener> listener,
                                          std::shared_ptr<Service> service) {
  const auto self = shared_from_this();
  const auto open = std::make_shared<std::size_t>(0), refusals = std::make_shared<std::size_t>(0);
  while (!stopping_) {
    auto accepted = co_await listener->accept();
    if (!accepted) {
      if (accepted.error().is(Errc::closed) || accepted.error().is(Errc::cancelled)) co_return;
      log::warn("http.accept_failed", {{"error", accepted.error().message()}});
      if (!co_await sleep_until(steady_clock::now() + kAcceptPause)) co_return;
      continue;
    }
    const bool full = *open >= options_.connections && kSwitchedOff != Mechanism::connection_bound;
    if (full && !make_room(open)) {
      refuse(std::move(*accepted), refusals);
      continue;
    }
    if (admit(std::move(*accepted), open, service)) continue;
    log::warn("http.accept_failed", {{"error", "no memory for another connection"}});
    if (!co_await sleep_until(steady_clock::now() + kAcceptPause)) co_return;
  }
}

// False: there is no memory for it, which is nobody else's loss.
bool Server::admit(net::Accepted accepted, const std::shared_ptr<std::size_t>& open,
                   const std::shared_ptr<Service>& service) {
  const std::uint64_t id = next_id_++;
  try {
    const auto connection = std::make_shared<Connection>(std::move(accepted), id, open, options_.backlog);
    open_.emplace(id, connection);
    serving_.spawn("http.connection", connection_loop(connection, service));
    return true;
  } catch (const std::bad_alloc&) {
    open_.erase(id);
    return false;
  }
}

// Whoever only holds connections open locks nobody out. False: none is idle.
bool Server::make_room(const std::shared_ptr<std::size_t>& siblings) {
  Shared longest;
  for (const auto& [id, connection] : open_) {
    if (connection->siblings == siblings && connection->is_idle() &&
        (!longest || connection->idle_since < longest->idle_since))
      longest = connection;
  }
  if (longest) longest->close();
  return longest != nullptr;
}

// The answer goes into the socket's empty buffer, without waiting. Of those that come at once only some are
// seen off with care: whoever is one too many costs next to nothing.
void Server::refuse(net::Accepted accepted, const std::shared_ptr<std::size_t>& refusals) {
  const Response response =
      plain_error(503, "all " + std::to_string(options_.connections) +
                           " connections that this gateway allows here are in use; try again later");
  const std::string answer = head_of(response, false) + response.body;
  error_code ignored;
  accepted.socket.non_blocking(true, ignored);
  accepted.socket.send(asio::buffer(answer), 0, ignored);
  if (*refusals >= kRefusals) return;
  serving_.spawn("http.refuse", linger(std::make_shared<Connection>(std::move(accepted), next_id_++, refusals,
                                                                    options_.backlog)));
}

asio::awaitable<void> Server::connection_loop(Shared connection, std::shared_ptr<Service> service) {
  const auto self = shared_from_this();
  try {
    bool more = true;
    while (more && !stopping_ && !co_await is_cancelled()) {
      more = co_await one_request(connection, service);
      connection->busy = false;
      connection->idle_since = steady_clock::now();
    }
  } catch (const std::bad_alloc&) {
    log::warn("http.connection_failed", {{"error", "there is no memory for what it sends or gets"}});
  }
  clear_deadline(connection);
  connection->close();
  open_.erase(connection->id);
  if (closed_) closed_(connection->id);
}

// False: the connection is to end.
asio::awaitable<bool> Server::one_request(Shared connection, std::shared_ptr<Service> service) {
  Parser parser;
  parser.header_limit(options_.header_limit);
  parser.body_limit(service->body_limit);
  parser.eager(false);
  if (!co_await read_head(connection, parser)) co_return false;
  if (!co_await read_body(connection, parser, service->body_limit)) co_return false;
  auto message = parser.release();
  Request request;
  request.method = message.method_string();
  request.target = message.target();
  request.headers.reserve(kUsualHeaders);
  for (const auto& field : message.base()) request.headers.emplace_back(field.name_string(), field.value());
  request.body = std::move(message.body());
  request.peer = connection->peer;
  request.connection = connection->id;
  const Framing framing = message.version() >= 11 ? Framing::chunks : Framing::close;
  co_return co_await respond(connection, std::move(service), std::move(request), message.keep_alive(),
                             framing);
}

asio::awaitable<bool> Server::read_head(Shared connection, Parser& parser) {
  const auto idle = connection->held ? milliseconds(kForever) : options_.idle_timeout;
  set_deadline(connection, steady_clock::now() + idle);
  while (!parser.is_header_done()) {
    if (connection->buffer.size() > 0) {
      if (!connection->busy) {
        connection->busy = true;
        set_deadline(connection, steady_clock::now() + options_.header_timeout);
      }
      error_code ec;
      connection->buffer.consume(parser.put(connection->buffer.data(), ec));
      if (!ec) continue;
      if (ec != http::error::need_more) {
        co_await reject(connection, status_of(ec));
        co_return false;
      }
    }
    if (!co_await read_more(connection)) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> Server::read_body(Shared connection, Parser& parser, std::uint64_t limit) {
  set_deadline(connection, steady_clock::now() + options_.body_timeout);
  parser.eager(true);
  if (const auto length = parser.content_length(); length && *length > limit) {
    co_await reject(connection, 413);
    co_return false;
  }
  if (!parser.is_done() && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!co_await write_all(connection, std::string(kGoOn), {}, options_.write_timeout)) co_return false;
    set_deadline(connection, steady_clock::now() + options_.body_timeout);
  }
  while (!parser.is_done()) {
    if (connection->buffer.size() > 0) {
      error_code ec;
      connection->buffer.consume(parser.put(connection->buffer.data(), ec));
      if (!ec) continue;
      // What is kept for more to come is no body but the extension of a chunk, or trailers, which no limit of
      // the parser's is about.
      if (ec == http::error::need_more && connection->buffer.size() > options_.header_limit)
        ec = http::error::header_limit;
      if (ec != http::error::need_more) {
        co_await reject(connection, status_of(ec));
        co_return false;
      }
    }
    connection->backlog.set(parser.get().body().size());
    if (!co_await read_more(connection)) co_return false;
  }
  clear_deadline(connection);
  connection->backlog.set(0);
  co_return true;
}

// The handler runs beside a watch on the socket: a client that is gone must not keep its call (and with it a
// lease) alive.
asio::awaitable<bool> Server::respond(Shared connection, std::shared_ptr<Service> service, Request request,
                                      bool keep_alive, Framing framing) {
  const auto call = std::make_shared<Call>(executor_);
  const bool no_body = request.method == "HEAD";
  TaskGroup work(executor_);
  work.spawn("http.handler", run_handler(std::move(service), std::move(request), call, connection));
  const bool alive = co_await watch(connection, call);
  if (!alive) {
    work.cancel();
    co_await see_off(connection, call);
    if (call->response.stream) call->response.stream->close();  // which nobody has begun to read
    co_return false;
  }
  connection->held = connection->held || call->response.hold_connection;
  const bool stay = keep_alive && !stopping_ && !connection->stopping;
  if (call->response.stream) co_return co_await send_stream(connection, call, stay, framing);
  const std::string_view body = no_body ? std::string_view() : std::string_view(call->response.body);
  co_return co_await write_all(connection, head_of(call->response, stay), body, options_.write_timeout) &&
      stay;
}

asio::awaitable<void> Server::see_off(Shared connection, std::shared_ptr<Call> call) {
  for (auto patience = steady_clock::now() + kLastResort; !co_await call->finished.wait_until(patience);) {
    if (steady_clock::now() < patience) continue;  // we were cancelled, too: that interrupts one wait
    log::error("http.handler_stuck", {{"connection", connection->id}});
    patience += kLastResort;
  }
}

// Written beside the same watch: whoever speaks is told at once that nobody reads, and a client that reads
// too slowly is let go.
asio::awaitable<bool> Server::send_stream(Shared connection, std::shared_ptr<Call> call, bool stay,
                                          Framing framing) {
  stay = stay && framing == Framing::chunks;
  const auto stream = call->response.stream;
  call->finished.clear();
  stream->on_closed([weak = std::weak_ptr(connection)] {
    if (const auto slow = weak.lock()) slow->close();
  });
  if (stream->closed_at()) connection->close();  // before it was ours
  TaskGroup work(executor_);
  work.spawn("http.stream",
             write_stream(connection, call, head_of(call->response, stay, framing), framing, options_));
  const bool alive = co_await watch(connection, call);
  stream->on_closed(nullptr);
  stream->close();
  if (!alive) connection->close();  // ends a write under way
  co_await see_off(connection, call);
  co_return alive && call->written&& stay;
}

// True once the work is done, false if the client went (or the server stops) before.
asio::awaitable<bool> Server::watch(Shared connection, std::shared_ptr<Call> call) {
  while (!call->finished.is_set()) {
    error_code ec;
    if (connection->buffer.size() < kReadAhead) {
      const std::size_t n = co_await connection->socket.async_read_some(
          connection->buffer.prepare(kReadSize), asio::redirect_error(asio::use_awaitable, ec));
      connection->buffer.commit(n);
    } else {  // enough read ahead: only the end of both directions shows from here
      co_await connection->socket.async_wait(net::Socket::wait_error,
                                             asio::redirect_error(asio::use_awaitable, ec));
      if (!ec) ec = asio::error::connection_reset;
    }
    if (call->finished.is_set()) break;
    if (ec) co_return false;
  }
  co_return connection->socket.is_open();
}

asio::awaitable<void> Server::reject(Shared connection, unsigned status) {
  const Response response = plain_error(status, phrase(status));
  if (co_await write_all(connection, head_of(response, false), response.body, options_.write_timeout))
    co_await linger(connection);
}

// Closing with unread bytes would reset the connection and take our answer with it: read on for a moment.
asio::awaitable<void> Server::linger(Shared connection) {
  error_code ignored;
  connection->socket.shutdown(net::Socket::shutdown_send, ignored);
  set_deadline(connection, steady_clock::now() + kLinger);
  do {
    connection->buffer.consume(connection->buffer.size());
  } while (co_await read_more(connection));
  clear_deadline(connection);
}

asio::awaitable<void> Server::stop(steady_clock::time_point deadline) {
  const auto self = shared_from_this();
  stopping_ = true;
  for (const auto& listener : listeners_) listener->close();
  for (const auto& [id, connection] : open_) {
    connection->stopping = true;
    if (!connection->busy) connection->close();
  }
  if (!co_await serving_.join(deadline)) {
    serving_.cancel();
    (void)co_await serving_.join(steady_clock::now() + kLastResort);
  }
  (void)co_await accepting_.join(steady_clock::now() + kLastResort);
}

// The coroutines hold the server by shared_ptr; the owner holds this.
class Owner final : public HttpServer {
 public:
  Owner(asio::any_io_executor executor, HttpServerOptions options)
      : server_(std::make_shared<Server>(std::move(executor), std::move(options))) {}
  ~Owner() override { server_->abandon(); }
  void serve(net::Listener listener, Service service) override {
    server_->serve(std::move(listener), std::move(service));
  }
  void on_connection_closed(std::function<void(std::uint64_t)> listener) override {
    server_->on_connection_closed(std::move(listener));
  }
  asio::awaitable<void> stop(steady_clock::time_point deadline) override { return server_->stop(deadline); }
  [[nodiscard]] std::size_t connections() const override { return server_->connections(); }

 private:
  std::shared_ptr<Server> server_;
};

}  // namespace

std::unique_ptr<HttpServer> HttpServer::create(asio::any_io_executor executor, HttpServerOptions options) {
  return std::make_unique<Owner>(std::move(executor), std::move(options));
}

}  // namespace holdfast::front
