// One connection of the HTTP server: its deadline, what is read from it and written to it. Internal to front.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "front/body_stream.h"
#include "front/http_server.h"
#include "net/listener.h"

namespace holdfast::front {

inline constexpr std::size_t kReadSize = 64U << 10;

struct Connection {
  Connection(net::Accepted accepted, std::uint64_t number, std::shared_ptr<std::size_t> of_its_listener,
             std::shared_ptr<Backlog> backlog);
  ~Connection() { --*siblings; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  net::Socket socket;
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point deadline, alarm;  // what holds, and when the timer looks
  net::Peer peer;
  std::uint64_t id;
  std::shared_ptr<std::size_t> siblings;  // open connections of the same listener
  Backlog::Share backlog;                 // of what comes in, then of what waits to go out
  boost::beast::flat_buffer buffer;
  bool held = false;      // idleness does not close it
  bool busy = false;      // a request has begun
  bool stopping = false;  // ends after the answer under way
  std::chrono::steady_clock::time_point idle_since = std::chrono::steady_clock::now();

  // Nothing of a request has come, not even unread.
  [[nodiscard]] bool is_idle() const;
  void close();
};
using Shared = std::shared_ptr<Connection>;

// At the deadline the socket is closed, which ends the operation under way and every later one.
void set_deadline(const Shared& connection, std::chrono::steady_clock::time_point deadline);
void clear_deadline(const Shared& connection);

// How a client knows where a stream ends.
enum class Framing { chunks, close };

std::string_view phrase(unsigned status);
std::string head_of(const Response& response, bool keep_alive, Framing framing = Framing::chunks);
Response plain_error(unsigned status, std::string_view message);

// False: the client has gone, or the deadline passed.
asio::awaitable<bool> read_more(Shared connection);
// All of it, within `limit`. False as above, or if there was no room for what the client has not taken.
asio::awaitable<bool> write_all(Shared connection, std::string head, std::string_view body,
                                milliseconds limit);
// `head`, and what a stream has to say, as one chunk.
asio::awaitable<bool> write_batch(Shared connection, std::string head, BodyStream::Batch batch,
                                  Framing framing, milliseconds limit);

}  // namespace holdfast::front
