// An MCP client over one channel: the gateway's side of a server. Knows nothing of processes.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "base/task_group.h"
#include "mcp/message.h"

namespace holdfast::mcp {

class Channel;
using Deadline = std::chrono::steady_clock::time_point;

struct InitializeResult {
  std::string protocol_version;  // negotiated
  std::string capabilities;      // raw JSON object
  std::string server_info;       // raw JSON object
  std::string instructions;      // decoded; may be empty
};

// Of one listing: a server that offers more is broken.
inline constexpr std::size_t kMostTools = 10'000;

struct Tool {
  std::string name;
  std::string raw;  // the whole tool object as the server sent it
};

struct RequestOptions {
  Deadline deadline;
  // Called for each notifications/progress of this request with the raw params (our token in them); may be
  // empty.
  std::function<void(std::string_view params)> progress = {};
  // Asked when the deadline has passed: a later one goes on waiting; may be empty.
  std::function<Deadline()> extended = {};
};

// What a server is told in the handshake of who is behind it.
struct ClientProfile {
  std::string revision;             // to offer; empty: our newest
  std::string capabilities = "{}";  // raw JSON object
};

struct ClientOptions {
  std::string name;                      // server name, for the log
  std::size_t line_limit = 64U << 20;    // bytes; a longer line is skipped and counted, its request fails
  std::size_t queue_limit = 128U << 20;  // bytes waiting to be written; more: Errc::limit
};

struct ClientCounters {
  std::int64_t requests = 0, replies = 0, garbage_lines = 0, late_replies = 0, refused_requests = 0;
  std::int64_t unknown_replies = 0;  // to an id that we never used, or to none
};

// Lives on the loop thread; owns the reading and writing of both descriptors, not the descriptors themselves.
class Client {
 public:
  struct Events {
    // Every notification but progress: raw params, empty if absent.
    std::function<void(std::string_view method, std::string_view params)> notification = {};
    // A request of the server's, once there was a handshake: its id as it was written, raw params (empty if
    // absent). It is owed an answer(). Without a listener all but ping are refused.
    std::function<void(std::string_view id, std::string_view method, std::string_view params)> request = {};
    // No answer to that request is awaited any more: the server cancelled it, or is being stopped.
    std::function<void(std::string_view id)> withdrawn = {};
    // The peer's end is closed or broken; every request in flight has failed with the same error. Once.
    std::function<void(const Error&)> closed = {};
  };

  // Over any channel that nobody has started yet; `name` is the server's, for the log.
  static std::unique_ptr<Client> over(asio::any_io_executor executor, std::unique_ptr<Channel> channel,
                                      std::string name, Events events);
  // `in` is the server's stdout, `out` its stdin; both non-blocking, lent until stop_writing()/release().
  static std::unique_ptr<Client> over_stdio(asio::any_io_executor executor, int in, int out,
                                            ClientOptions options, Events events);
  virtual ~Client() = default;

  // The handshake, offering the profile's revision and accepting every one that we speak; then
  // notifications/initialized.
  virtual asio::awaitable<Result<InitializeResult>> initialize(Deadline deadline, ClientProfile profile) = 0;
  asio::awaitable<Result<InitializeResult>> initialize(Deadline deadline) {
    return initialize(deadline, ClientProfile());
  }

  // Sends one request and waits for its answer. `params` is a raw JSON object or empty; a progressToken in
  // its _meta is replaced by our own when `progress` is set. Errors: resource_unavailable_try_again (nothing
  // was done for it, and a new connection may do it), timeout (then notifications/cancelled is sent),
  // cancelled (the awaiting coroutine was: the same), closed, limit (the queue, or an answer beyond the line
  // limit), refused (before initialize only ping is allowed), invalid (params is no object). The views must
  // live until the awaitable is first resumed: await it at once. A token that params carries is replaced even
  // without `progress`, and line breaks between its members become spaces.
  virtual asio::awaitable<Result<Reply>> request(std::string_view method, std::string_view params,
                                                 RequestOptions options) = 0;

  // Queues one notification; never waits.
  virtual Result<void> notify(std::string_view method, std::string_view params) = 0;

  // Answers a request of the server's. One that was answered, withdrawn or never made is passed over.
  virtual void answer(std::string_view id, const Reply& reply) = 0;

  // All pages of tools/list, in the server's order. A repeated cursor ends the loop with Errc::protocol.
  virtual asio::awaitable<Result<std::vector<Tool>>> list_tools(Deadline deadline) = 0;

  [[nodiscard]] virtual std::size_t in_flight() const = 0;
  [[nodiscard]] virtual bool open() const = 0;
  [[nodiscard]] virtual const ClientCounters& counters() const = 0;

  // For custody's before_stop: answers every outstanding server request with an error (else a server may
  // wait for it long after its end-of-file), flushes what is queued until `deadline`, then writes no more.
  // Reading goes on, and what is asked still is refused.
  virtual asio::awaitable<void> stop_writing(Deadline deadline) = 0;

  // Lets go of both descriptors at once; requests in flight fail with Errc::closed.
  virtual void release() = 0;
};

}  // namespace holdfast::mcp
