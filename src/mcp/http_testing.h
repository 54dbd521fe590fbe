// For this room's tests: an endpoint that answers HTTP requests as a script says.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mcp/test_peer.h"
#include "net/listener.h"

namespace holdfast::mcp {

inline std::string json(std::string_view body, unsigned status = 200, std::string_view headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}
inline std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}
inline const std::string kStream =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
inline const std::string kEnd = "0\r\n\r\n";

// What an endpoint does with one request: writes, then keeps the connection open and silent, goes on with the
// next request, closes, or writes what push() is given until one of both has had enough.
struct Act {
  std::string bytes;
  enum { next, hold, cut, stream } then = next;
};

// Reads requests, answers as `script` says, and remembers what it heard.
struct Endpoint {
  explicit Endpoint(asio::io_context& loop) : news(loop.get_executor()), tasks(loop.get_executor()) {
    auto opened = net::Listener::open(loop.get_executor(),
                                      {.local = false, .path = {}, .host = "127.0.0.1", .port = 0});
    if (!opened) std::abort();
    listener.emplace(std::move(*opened));
    tasks.spawn("accept", accept());
  }
  asio::awaitable<void> accept() {
    for (;;) {
      auto accepted = co_await listener->accept();
      if (!accepted) co_return;
      tasks.spawn("serve", serve(std::move(accepted->socket)));
    }
  }
  asio::awaitable<void> serve(net::Socket socket) {
    std::string got;
    for (;;) {
      auto end = got.find("\r\n\r\n");
      while (end == std::string::npos || got.size() < end + 4 + length_of(got)) {
        char piece[4096];
        boost::system::error_code ec;
        const auto n = co_await socket.async_read_some(asio::buffer(piece),
                                                       asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
        got.append(piece, n);
        end = got.find("\r\n\r\n");
      }
      const std::string request = got.substr(0, end + 4 + length_of(got));
      got.erase(0, request.size());
      heard.push_back(request);
      const Act act = script(request);
      boost::system::error_code ec;
      co_await asio::async_write(socket, asio::buffer(act.bytes),
                                 asio::redirect_error(asio::use_awaitable, ec));
      if (act.then == Act::cut) co_return;
      if (act.then == Act::hold) (void)co_await sleep_until(steady_clock::now() + 60s);
      if (act.then == Act::stream) co_return co_await stream(std::move(socket));
    }
  }
  asio::awaitable<void> stream(net::Socket socket) {
    const auto open = std::make_shared<net::Socket>(std::move(socket));
    ++streams;
    tasks.spawn("watch", watch(open));
    while (open->is_open()) {
      co_await news.wait_until(steady_clock::now() + 60s);
      news.clear();
      boost::system::error_code ec;
      const std::string bytes = std::exchange(to_push, {});
      co_await asio::async_write(*open, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
      if (cut_streams) open->close(ec);
    }
    --streams;
  }
  asio::awaitable<void> watch(std::shared_ptr<net::Socket> socket) {
    char byte = 0;
    boost::system::error_code ec;
    co_await socket->async_read_some(asio::buffer(&byte, 1), asio::redirect_error(asio::use_awaitable, ec));
    socket->close(ec);
    news.set();
  }
  // On the stream that is open.
  void push(std::string_view bytes) {
    to_push += chunk(bytes);
    news.set();
  }
  void cut() {
    cut_streams = true;
    news.set();
  }
  static std::size_t length_of(const std::string& request) {
    const auto at = request.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(request.substr(at + 16));
  }
  // Those of one method, whose body or headers hold `text`.
  [[nodiscard]] int count(std::string_view method, std::string_view text = {}) const {
    return static_cast<int>(std::ranges::count_if(heard, [&](const std::string& request) {
      return request.starts_with(method) && request.find(text) != std::string::npos;
    }));
  }

  std::function<Act(const std::string&)> script;
  std::vector<std::string> heard;
  std::optional<net::Listener> listener;
  int streams = 0;  // open
  std::string to_push;
  bool cut_streams = false;
  Event news;
  TaskGroup tasks;
};

inline constexpr const char* kInitialize = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{}})";
inline constexpr const char* kInitialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
inline constexpr const char* kHello = R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}})";
inline constexpr const char* kCall =
    R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}})";

}  // namespace holdfast::mcp
