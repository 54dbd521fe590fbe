// A two-way stream of JSON-RPC lines to one peer, whatever carries it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"
#include "mcp/raw_json.h"
#include "mcp/skim.h"

namespace holdfast::mcp {

// Lives on one loop thread. No event is told after release(), nor from within a call of the same channel.
class Channel {
 public:
  struct Events {
    // One line without its end, never blank; valid during the call.
    std::function<void(PaddedText line)> line;
    // A line beyond the limit was skipped.
    std::function<void(const Skimmed&)> oversized;
    // The request of this raw id was refused unread, as the peer forgot our session; `closed` follows.
    // Without a listener it is answered by an error line.
    std::function<void(std::string_view id)> undelivered = {};
    // The peer's end is closed or broken. Once, and nothing after it.
    std::function<void(const Error&)> closed;
  };
  virtual ~Channel() = default;

  // Starts reading; what is told before is kept. Once.
  virtual void start(Events events) = 0;

  // Queues one line (no newline in it; one is added). Errors: limit (the queue is full), closed.
  virtual Result<void> send(std::string line) = 0;

  // Waits until the queue is empty. False: not by `deadline`, or the channel broke.
  virtual asio::awaitable<bool> flush(std::chrono::steady_clock::time_point deadline) = 0;

  // Drops what is queued and lets go of the writing end; send() fails with closed. Reading goes on.
  virtual void stop_writing() = 0;

  // Lets go of both ends at once, and tells nothing any more.
  virtual void release() = 0;

  [[nodiscard]] virtual bool writable() const = 0;
};

}  // namespace holdfast::mcp
