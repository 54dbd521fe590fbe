// A session: one consumer, a live client or one run of a job. What it borrowed is released however it ends.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task_group.h"
#include "gateway/consumer.h"
#include "mcp/client.h"
#include "mcp/message.h"

namespace holdfast::gateway {

enum class SessionKind { client, job };

struct CallOptions {
  std::chrono::steady_clock::time_point deadline =
      std::chrono::steady_clock::time_point::max();  // else callTimeout
  std::function<void(std::string_view params)> progress;
  CallNumber number = 0;  // under which the consumer hears what belongs to this call
};

// Move-only by way of unique_ptr: destroying it ends the session and releases every lease, at once and
// without waiting; the trees become orphans and are reaped behind it.
class Session {
 public:
  virtual ~Session() = default;
  [[nodiscard]] virtual const std::string& id() const = 0;
  [[nodiscard]] virtual SessionKind kind() const = 0;
  [[nodiscard]] virtual const std::string& label() const = 0;  // "digest/17" or the client's name

  // Takes (or keeps) the session's lease on `server`, starting it if need be. Errors: not_found (no such
  // server), refused (parked, disabled, unusable, shutting down: with the reason), timeout, and whatever
  // start or handshake said, with the last lines of stderr in the subject.
  virtual asio::awaitable<Result<mcp::InitializeResult>> connect(std::string_view server) = 0;

  // One request to `server` under the session's lease. Names in it are the server's own ("tools/call" with
  // {"name":"read_graph"}); `method` and `params` stay where they are until it is answered. Cancelling the
  // awaiting coroutine sends the protocol's notification only; the server lives on.
  virtual asio::awaitable<Result<mcp::Reply>> request(std::string_view server, std::string_view method,
                                                      std::string_view params, CallOptions options) = 0;
  virtual Result<void> notify(std::string_view server, std::string_view method, std::string_view params) = 0;

  // The server's tools, all pages, under the session's lease.
  virtual asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::string_view server) = 0;
};

}  // namespace holdfast::gateway
