#include "front/connection.h"

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>

namespace holdfast::front {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

constexpr auto kNever = steady_clock::time_point::max();

void set_alarm(const Shared& connection) {
  connection->alarm = connection->deadline;
  connection->timer.expires_at(connection->alarm);
  connection->timer.async_wait([weak = std::weak_ptr(connection)](const error_code& ec) {
    const auto late = weak.lock();
    if (ec || !late) return;
    late->alarm = kNever;
    if (late->deadline <= steady_clock::now()) return late->close();
    if (late->deadline != kNever) set_alarm(late);
  });
}

std::string hex(std::size_t number) {
  std::array<char, 16> digits{};
  const auto [end, error] = std::to_chars(digits.begin(), digits.end(), number, 16);
  return {digits.begin(), end};
}

// `held`: what is in memory for it until it is written. All of it in one go: what is one message to the
// client is one write. Most fit into the socket's buffer at once, which saves a turn of the loop.
asio::awaitable<bool> write_buffers(Shared connection, std::vector<asio::const_buffer> buffers,
                                    milliseconds limit, std::size_t held = 0) {
  error_code ec;
  beast::buffers_suffix<std::vector<asio::const_buffer>> rest(buffers);
  rest.consume(connection->socket.write_some(buffers, ec));
  if (!ec && beast::buffer_bytes(rest) == 0) co_return true;
  if (ec && ec != asio::error::would_block) co_return false;
  connection->backlog.set(held);
  set_deadline(connection, steady_clock::now() + limit);
  co_await asio::async_write(connection->socket, rest, asio::redirect_error(asio::use_awaitable, ec));
  clear_deadline(connection);
  connection->backlog.set(0);
  co_return !ec;
}

}  // namespace

Connection::Connection(net::Accepted accepted, std::uint64_t number,
                       std::shared_ptr<std::size_t> of_its_listener, std::shared_ptr<Backlog> all)
    : socket(std::move(accepted.socket)),
      timer(socket.get_executor()),
      deadline(kNever),
      alarm(kNever),
      peer(accepted.peer),
      id(number),
      siblings(std::move(of_its_listener)),
      backlog(std::move(all), Backlog::Kind::waiting, [this] { close(); }) {
  ++*siblings;
  buffer.reserve(kReadSize);
  error_code ignored;
  socket.non_blocking(true, ignored);  // for writes that do not wait
}

bool Connection::is_idle() const {
  error_code ec;
  return !busy && !held && socket.is_open() && socket.available(ec) == 0;
}

void Connection::close() {
  error_code ignored;
  socket.close(ignored);
}

// A request moves it several times, mostly away, and each new wait costs a turn of the loop: the timer is set
// only if it would look too late.
void set_deadline(const Shared& connection, steady_clock::time_point deadline) {
  connection->deadline = deadline;
  if (deadline < connection->alarm) set_alarm(connection);
}

void clear_deadline(const Shared& connection) { connection->deadline = kNever; }

std::string_view phrase(unsigned status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

std::string head_of(const Response& response, bool keep_alive, Framing framing) {
  std::string head = "HTTP/1.1 ";
  head.reserve(256);
  head += std::to_string(response.status);
  head += ' ';
  head += phrase(response.status);
  head += "\r\n";
  if (!response.body.empty() || response.stream) head += "Content-Type: " + response.content_type + "\r\n";
  if (!response.stream && response.status != 204)
    head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (response.stream && framing == Framing::chunks) head += "Transfer-Encoding: chunked\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  return head += "\r\n";
}

Response plain_error(unsigned status, std::string_view message) {
  return {.status = status,
          .body = R"({"error":{"code":")" + std::to_string(status) + R"(","message":")" +
                  std::string(message) + "\"}}",
          .content_type = "application/json",
          .headers = {}};
}

asio::awaitable<bool> read_more(Shared connection) {
  error_code ec;
  const std::size_t n = co_await connection->socket.async_read_some(
      connection->buffer.prepare(kReadSize), asio::redirect_error(asio::use_awaitable, ec));
  connection->buffer.commit(n);
  co_return !ec;
}

asio::awaitable<bool> write_all(Shared connection, std::string head, std::string_view body,
                                milliseconds limit) {
  co_return co_await write_buffers(std::move(connection), {asio::buffer(head), asio::buffer(body)}, limit,
                                   body.size());
}

asio::awaitable<bool> write_batch(Shared connection, std::string head, BodyStream::Batch batch,
                                  Framing framing, milliseconds limit) {
  const bool chunks = framing == Framing::chunks;
  std::size_t size = 0;
  for (const Piece& piece : batch.pieces) size += piece->size();
  if (chunks && size > 0) head += hex(size) + "\r\n";
  std::vector<asio::const_buffer> buffers{asio::buffer(head)};
  for (const Piece& piece : batch.pieces) buffers.push_back(asio::buffer(*piece));
  const std::string_view tail = !chunks      ? ""
                                : batch.last ? (size > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n")
                                             : (size > 0 ? "\r\n" : "");
  buffers.push_back(asio::buffer(tail));
  co_return co_await write_buffers(std::move(connection), std::move(buffers), limit);
}

}  // namespace holdfast::front
