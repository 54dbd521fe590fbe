// Lines to and from an MCP endpoint over HTTP: our side is the client (spec 2025-11-25, "Transports", and
// 2024-11-05 for HTTP+SSE).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/url.h"
#include "base/worker.h"
#include "mcp/channel.h"

namespace holdfast::mcp {

// `either`: Streamable HTTP, and HTTP+SSE where the endpoint refuses the handshake as one that only knows
// that (400, 404 or 405).
enum class HttpTransport { streamable, sse, either };

struct HttpChannelOptions {
  Url url = {};
  HttpTransport transport = HttpTransport::streamable;
  std::shared_ptr<Worker> names = {};                             // looks a name up; null: names are refused
  std::vector<std::pair<std::string, std::string>> headers = {};  // of every request
  std::size_t line_limit = 64U << 20;                             // bytes of one message that comes
  std::size_t queue_limit = 128U << 20;                           // bytes that wait for their turn
  std::size_t requests = 64;                                      // under way; more wait
  milliseconds connect_timeout{10'000};
  milliseconds silence{120'000};  // of a stream that can be taken up again; more, and it is
  // The session lives as long as the connection of its handshake, which is kept for that (a gateway's control
  // socket knows `Holdfast-Bind: connection`); its end closes the channel.
  bool bound = false;
  milliseconds retry{1'000};  // before a broken stream is taken up again, unless the endpoint says else
  milliseconds longest_retry{30'000};
  int tries =
      5;  // in a row, of a request's stream; the session's own is tried for as long as the channel lives
};

// Each line is a POST, answered by lines; what the endpoint says unasked comes by a GET stream, which is
// opened behind `notifications/initialized` and taken up again where it broke. The session's id and revision
// are read from the answer to `initialize`, and sent along from then on; release() gives the session back.
//
// A request whose answer cannot be had (refused, broken off, too long) is answered by an error line of ours
// with its id: its outcome is not known then. `closed` is told when nobody listens at the address any more,
// or the session is not known there.
//
// By HTTP+SSE there is one stream, opened before the handshake: all that comes, comes by it, and messages go
// to where it says, of the same origin. It cannot be taken up again: its end closes the channel, as does a
// message on it beyond the limit, and release() ends it.
std::unique_ptr<Channel> make_http_channel(const asio::any_io_executor& executor, HttpChannelOptions options);

}  // namespace holdfast::mcp
