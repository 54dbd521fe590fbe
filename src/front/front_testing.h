// For tests: a loop on a thread of its own, and a client that sends any bytes and reads what comes.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "base/ids.h"
#include "front/http_server.h"
#include "net/http_client.h"

namespace holdfast::front::testing_tools {

using namespace std::chrono_literals;

struct TempDir {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("hf" + random_hex(6));
  TempDir() { std::filesystem::create_directory(path); }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

// Runs until destroyed. `on` runs a function there and gives its value.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.run(); }) {}
  ~LoopThread() {
    work_.reset();
    loop.stop();
    thread_.join();
  }
  template <class F>
  auto on(F f) {
    const auto task = std::make_shared<std::packaged_task<decltype(f())()>>(std::move(f));
    auto value = task->get_future();
    asio::post(loop, [task] { (*task)(); });  // Asio takes a bare packaged_task for a token
    return value.get();
  }
  template <class T>
  T await(asio::awaitable<T> what) {
    return asio::co_spawn(loop, std::move(what), asio::use_future).get();
  }
  asio::io_context loop{1};

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_{loop.get_executor()};
  std::thread thread_;
};

// A blocking client without any HTTP of its own.
class RawClient {
 public:
  explicit RawClient(const std::filesystem::path& path) : socket_(loop_) {
    socket_.connect(asio::local::stream_protocol::endpoint(path.string()));
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;  // the server may have had enough
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Reads until `text` was seen, the end, or the limit.
  std::string read_until(std::string_view text, std::chrono::milliseconds limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (got_.find(text) == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd set{socket_.native_handle(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&set, 1, static_cast<int>(left.count())) <= 0) break;
      char chunk[4096];
      const auto n = ::recv(socket_.native_handle(), chunk, sizeof chunk, 0);
      if (n <= 0) {
        ended_ = true;
        break;
      }
      got_.append(chunk, static_cast<std::size_t>(n));
    }
    return got_;
  }
  std::string read_to_end(std::chrono::milliseconds limit = 10s) { return read_until("\x01never", limit); }
  [[nodiscard]] bool ended() const { return ended_; }
  void clear() { got_.clear(); }
  void close() { socket_.close(); }

 private:
  asio::io_context loop_{1};
  asio::local::stream_protocol::socket socket_;
  std::string got_;
  bool ended_ = false;
};

inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = 10s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

}  // namespace holdfast::front::testing_tools
