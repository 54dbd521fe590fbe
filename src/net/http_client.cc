#include "net/http_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/field_name.h"
#include "net/resolver.h"
#include "net/tcp.h"
#include "net/wire.h"

namespace holdfast::net {

namespace http = boost::beast::http;
namespace beast = boost::beast;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

constexpr std::uint64_t kBodyLimit = 256ULL << 20;
constexpr std::uint32_t kHeaderLimit = 64U << 10;
constexpr std::size_t kReadSize = 64U << 10;

// Closes the wire at the deadline. A closed socket ends the operation under way and every later one, so no
// moment between two operations is without a deadline.
class Guard {
 public:
  Guard(std::shared_ptr<Wire> wire, Deadline deadline) : wire_(std::move(wire)) { move(deadline); }
  void move(Deadline deadline) {
    wire_->timer.expires_at(deadline);
    wire_->timer.async_wait([wire = wire_](const error_code& ec) {
      if (ec || wire->timer.expiry() > steady_clock::now()) return;
      wire->timed_out = true;
      wire->close();
    });
  }
  ~Guard() { wire_->timer.expires_at(Deadline::max()); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  std::shared_ptr<Wire> wire_;
};

std::unexpected<Error> wire_error(const Wire& wire, const error_code& ec, std::string_view op) {
  if (wire.timed_out) return fail(Errc::timeout, op);
  if (ec == asio::error::operation_aborted) return fail(Errc::cancelled, op);
  if (ec == asio::error::eof || ec == asio::error::connection_reset || ec == asio::error::broken_pipe) {
    return fail(Errc::closed, op, "the connection ended");
  }
  if (ec == http::error::body_limit || ec == http::error::header_limit) return fail(Errc::limit, op);
  if (ec.category() == make_error_code(http::error::bad_method).category()) {
    return fail(Errc::protocol, op, ec.message());
  }
  return std::unexpected(Error{std::error_code(ec), op, {}});
}

std::string head_of(const HttpRequest& request) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.host + "\r\n";
  for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
  if (!request.body.empty() || request.method != "GET") {
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return head += "\r\n";
}

class Connection final : public HttpConnection {
 public:
  explicit Connection(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) { buffer_.reserve(kReadSize); }
  ~Connection() override { wire_->close(); }

  asio::awaitable<Result<HttpResponse>> request(HttpRequest request, Deadline deadline) override {
    return exchange(std::move(request), deadline, {});
  }
  asio::awaitable<Result<HttpResponse>> request(HttpRequest request, Deadline deadline,
                                                BodyEvents events) override {
    return exchange(std::move(request), deadline, std::move(events));
  }

  void close() override {
    usable_ = false;
    wire_->close();
  }

  // Between requests there is nothing to read, but for the end.
  [[nodiscard]] bool usable() const override {
    char byte = 0;
    error_code ec;
    if (!usable_) return false;
    wire_->socket.receive(asio::buffer(&byte, 1), Socket::message_peek, ec);
    return ec == asio::error::would_block;
  }

  asio::awaitable<bool> closed_by_peer(Deadline deadline) override {
    const auto wire = wire_;
    asio::steady_timer timer(wire->socket.get_executor(), deadline);
    timer.async_wait([wire](const error_code& ec) {
      error_code ignored;
      if (!ec && wire->socket.is_open()) wire->socket.cancel(ignored);
    });
    error_code ec;
    co_await wire->socket.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::operation_aborted) co_return !wire->socket.is_open();
    usable_ = false;  // bytes that nobody asked for are no better than the end
    co_return true;
  }

 private:
  using Parser = http::response_parser<http::string_body>;

  asio::awaitable<Result<HttpResponse>> exchange(HttpRequest request, Deadline deadline, BodyEvents events) {
    const auto wire = wire_;
    if (!usable_) co_return fail(Errc::closed, "request");
    usable_ = false;  // until the whole answer is here
    Guard guard(wire, deadline);
    const std::string head = head_of(request);
    error_code ec;
    co_await wire->write({asio::buffer(head), asio::buffer(request.body)}, ec);
    // Who refuses (413, 503) does not wait for the rest: what it said is still there to be read.
    const bool cut = ec == asio::error::broken_pipe || ec == asio::error::connection_reset;
    if (ec && !cut) co_return wire_error(*wire, ec, "request");
    for (;;) {
      Parser parser;
      parser.skip(request.method == "HEAD");
      auto answer = co_await read_answer(parser, guard, events);
      if (answer && is_interim(answer->status)) continue;
      usable_ = usable_ && !cut;
      co_return answer;
    }
  }

  // What a server says before its answer (RFC 9110, 15.2).
  static bool is_interim(unsigned status) { return status >= 100 && status < 200 && status != 101; }

  asio::awaitable<Result<HttpResponse>> read_answer(Parser& parser, Guard& guard, const BodyEvents& events) {
    const auto wire = wire_;
    parser.body_limit(kBodyLimit);
    parser.header_limit(kHeaderLimit);
    parser.eager(true);
    HttpResponse response;
    bool streamed = false;
    error_code ec;
    while (!parser.is_done()) {
      if (buffer_.size() > 0) {
        buffer_.consume(parser.put(buffer_.data(), ec));
        if (response.status == 0 && parser.is_header_done()) {
          response = read_head(parser);
          if (is_interim(response.status)) co_return response;
          streamed = events.head && events.head(response);
          if (streamed) parser.body_limit(boost::none);
        }
        if (streamed && !hand_over(parser, events)) {
          wire->close();
          co_return response;
        }
        if (!ec) continue;
        if (ec != http::error::need_more) co_return wire_error(*wire, ec, "answer");
      }
      if (streamed) guard.move(steady_clock::now() + events.silence);
      const std::size_t n = co_await wire->read_some(buffer_.prepare(kReadSize), ec);
      buffer_.commit(n);
      if (ec == asio::error::eof && parser.got_some()) {
        parser.put_eof(ec);
        if (ec) co_return fail(Errc::closed, "answer", "the connection ended in the middle");
        break;
      }
      if (ec) co_return wire_error(*wire, ec, "answer");
    }
    usable_ = parser.keep_alive();
    if (response.status == 0) response = read_head(parser);
    response.body = std::move(parser.get().body());
    co_return response;
  }

  // What has come of the body; false: the listener has heard enough.
  static bool hand_over(Parser& parser, const BodyEvents& events) {
    std::string& body = parser.get().body();
    if (body.empty()) return true;
    const bool more = events.piece(body);
    body.clear();
    return more;
  }

  static HttpResponse read_head(Parser& parser) {
    HttpResponse response;
    response.status = parser.get().result_int();
    for (const auto& field : parser.get().base())
      response.headers.emplace_back(field.name_string(), field.value());
    return response;
  }

  std::shared_ptr<Wire> wire_;
  beast::flat_buffer buffer_;
  bool usable_ = true;
};

asio::awaitable<void> fetch_into(Address address, HttpRequest request, Deadline deadline,
                                 Result<HttpResponse>* out) {
  auto connection = co_await HttpConnection::connect(std::move(address), deadline);
  if (!connection) {
    *out = forward(connection);
    co_return;
  }
  *out = co_await (*connection)->request(std::move(request), deadline);
}

}  // namespace

std::optional<std::string_view> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_field(key, name)) return value;
  }
  return std::nullopt;
}

namespace {

using Connected = Result<std::unique_ptr<HttpConnection>>;

asio::awaitable<Connected> connect_wire(std::shared_ptr<Wire> wire, Address address, Deadline deadline) {
  const auto endpoint = to_endpoint(address);
  if (!endpoint) co_return std::unexpected(endpoint.error());
  const Guard guard(wire, deadline);
  error_code ec;
  co_await wire->socket.async_connect(*endpoint, asio::redirect_error(asio::use_awaitable, ec));
  const auto late = [&] { return fail(Errc::timeout, "connect", to_string(address)); };
  if (wire->timed_out) co_return late();
  if (ec == asio::error::operation_aborted) co_return fail(Errc::cancelled, "connect", to_string(address));
  if (ec)
    co_return std::unexpected(Error{std::error_code(ec), "connect", std::string_view(to_string(address))});
  wire->socket.non_blocking(true, ec);  // for usable()
  if (!address.local) prepare(wire->socket);
  const auto agreed = co_await wire->shake_hands();
  if (wire->timed_out) co_return late();
  if (!agreed) co_return std::unexpected(agreed.error());
  co_return std::make_unique<Connection>(wire);
}

}  // namespace

asio::awaitable<Connected> HttpConnection::connect(Address address, Deadline deadline) {
  const auto wire = std::make_shared<Wire>(co_await asio::this_coro::executor);
  co_return co_await connect_wire(wire, std::move(address), deadline);
}

asio::awaitable<Connected> HttpConnection::connect(Url url, std::shared_ptr<Worker> names,
                                                   Deadline deadline) {
  std::vector<Address> addresses;
  if (const auto known = url.address()) {
    addresses.push_back(*known);
  } else if (!names) {
    co_return fail(Errc::not_found, "", url.host + ": names are not looked up here");
  } else {
    auto found = co_await resolve(std::move(names), url.host, url.port, deadline);
    if (!found) co_return forward(found);
    addresses = std::move(*found);
  }
  const auto executor = co_await asio::this_coro::executor;
  Connected last = fail(Errc::not_found, "connect", url.host);
  for (std::size_t i = 0; i < addresses.size() && !(last && *last); ++i) {
    const auto wire = url.tls ? make_tls_wire(executor, url.host) : std::make_shared<Wire>(executor);
    // One that is silent leaves time for the next.
    const auto share = (deadline - steady_clock::now()) / static_cast<int>(addresses.size() - i);
    last = co_await connect_wire(wire, addresses[i], steady_clock::now() + share);
    if (!last && last.error().is(Errc::cancelled)) break;
  }
  co_return last;
}

Result<HttpResponse> fetch(const Address& address, HttpRequest request, milliseconds limit) {
  asio::io_context loop(1);
  Result<HttpResponse> out = fail(Errc::closed, "request");
  TaskGroup group(loop.get_executor());
  group.spawn("fetch", fetch_into(address, std::move(request), steady_clock::now() + limit, &out));
  loop.run();
  return out;
}

}  // namespace holdfast::net
