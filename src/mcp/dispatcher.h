// The client's table of requests in flight, and who gets which incoming line. Used by client.cc only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mcp/channel.h"
#include "mcp/client.h"
#include "mcp/revision.h"
#include "mcp/splice.h"

namespace holdfast::mcp {

enum class Phase { fresh, initializing, ready, stopping };

struct Pending {
  explicit Pending(const asio::any_io_executor& executor) : done(executor) {}
  Event done;
  std::optional<Result<Reply>> outcome;
  std::function<void(std::string_view)> progress;
};

// Shared by the client and the coroutines that wait for an answer, so that either may go first.
class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  Dispatcher(asio::any_io_executor executor, std::unique_ptr<Channel> channel, std::string server,
             Client::Events events);
  void start();

  // Gives the request the next id and queues it. Errors: closed, limit, invalid (params is no object).
  Result<std::pair<std::int64_t, std::shared_ptr<Pending>>> send_request(
      std::string_view method, std::string_view params, std::function<void(std::string_view)> progress);
  Result<void> send_notification(std::string_view method, std::string_view params);

  // Ends the wait for `id`; if it was still open and `reason` is not empty, tells the server.
  void forget(std::int64_t id, std::string_view reason);

  // Errc::refused before the handshake (but for ping and initialize), closed while stopping and later.
  Result<void> may_send(std::string_view method) const;

  // As Client::answer().
  void answer(std::string_view id, const Reply& reply);
  // Answers with an error what the server still waits for, and from here on refuses what it asks.
  void stop();

  void release();

  Phase phase() const { return phase_; }
  void set_phase(Phase phase) { phase_ = phase; }
  void set_revision(const Revision* revision) { revision_ = revision; }
  const std::string& server() const { return server_; }
  Channel& channel() { return *channel_; }
  std::size_t in_flight() const { return pending_.size(); }
  bool open() const { return !over_ && phase_ != Phase::stopping && channel_->writable(); }
  const ClientCounters& counters() const { return counters_; }

 private:
  void on_line(PaddedText line);
  void on_batch(PaddedText line);
  void on_oversized(const Skimmed& line);
  void on_undelivered(std::string_view id);
  void on_closed(const Error& why);
  void on_message(std::string_view line, const Message& message);
  void on_request(std::string_view line, const Message& message);
  void on_notification(std::string_view line, const Message& message);
  void on_response(std::string_view line, const Message& message);
  void on_invalid(std::string_view line, const Message& message);
  void withdraw(std::string_view id);
  void refuse(std::string_view id, std::int64_t code, std::string_view why);
  void say(std::string answer);
  void settle(std::int64_t id, Result<Reply> outcome);
  void fail_all(const Error& why);
  void garbage(std::string_view problem, std::string_view line, std::size_t size);
  Result<std::string> message_line(std::optional<std::int64_t> id, std::string_view method,
                                   std::string_view params, bool progress);

  asio::any_io_executor executor_;
  std::unique_ptr<Channel> channel_;
  std::string server_;
  Client::Events events_;
  ClientCounters counters_;
  Splicer splicer_;
  Phase phase_ = Phase::fresh;
  const Revision* revision_ = nullptr;
  std::map<std::int64_t, std::shared_ptr<Pending>> pending_;
  std::int64_t last_id_ = 0;
  std::map<std::string, std::size_t, std::less<>> asked_;  // by the server, unanswered: raw id and bytes
  std::size_t asked_bytes_ = 0;
  std::string* batch_ = nullptr;  // where what is answered at once goes, comma-separated, in a batch
  bool over_ = false;             // closed by the peer or released
  std::chrono::steady_clock::time_point next_garbage_log_{};
  std::int64_t unlogged_garbage_ = 0;
};

}  // namespace holdfast::mcp
