// The reference of the calls section: a bare HTTP server that answers with the body it got. One thread, one
// coroutine a connection, Beast's parser, head and body in one write, no deadlines. Its first line on stdout
// is its port.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>
#include <string>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kRead = 64U << 10;

asio::awaitable<void> echo(tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  buffer.reserve(kRead);
  error_code ec;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.eager(true);
    parser.body_limit(std::uint64_t{64} << 20);
    while (!parser.is_done()) {
      if (buffer.size() > 0) {
        buffer.consume(parser.put(buffer.data(), ec));
        if (parser.is_done()) break;
        if (ec && ec != http::error::need_more) co_return;
      }
      buffer.commit(co_await socket.async_read_some(buffer.prepare(kRead),
                                                    asio::redirect_error(asio::use_awaitable, ec)));
      if (ec) co_return;
    }
    const std::string body = std::move(parser.release().body());
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n";
    co_await asio::async_write(socket, std::array{asio::buffer(head), asio::buffer(body)},
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
  }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main() {
  asio::io_context loop(1);
  tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  std::printf("%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  asio::co_spawn(loop, accept_all(acceptor), asio::detached);
  loop.run();
}
