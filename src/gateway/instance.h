// An instance: one running copy of a server, named by (server, key). Joins a tree of custody and a client of
// mcp.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/task_group.h"
#include "base/worker.h"
#include "config/config.h"
#include "custody/custodian.h"
#include "gateway/conversation.h"
#include "gateway/gateway.h"
#include "gateway/lease.h"
#include "gateway/pipe_reader.h"
#include "gateway/tail.h"
#include "gateway/tool_filter.h"
#include "gateway/turnstile.h"
#include "mcp/client.h"
#include "store/queued_log.h"

namespace holdfast::gateway {

// starting -> ready -> retiring -> gone; starting may go to retiring (failed, or nobody waits any more).
enum class InstanceState { starting, ready, retiring, gone };

class Instance : public std::enable_shared_from_this<Instance> {
 public:
  // What the pool wants to hear; called on the loop.
  struct Hooks {
    std::function<void(Instance&)> unheld;                             // the last lease was released
    std::function<void(Instance&)> changed;                            // any change of state
    std::function<void(Instance&, const std::string& why)> failed;     // did not start, or died unasked
    std::function<void(Instance&, const std::string& why)> explained;  // what its last failure came from
  };
  Instance(asio::io_context& loop, custody::Custodian& custodian, const config::Server& server,
           std::string key, mcp::ClientProfile profile, std::shared_ptr<store::QueuedLog> log, Hooks hooks);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Starts tree and handshake; to be spawned once by the pool, which keeps `self` alive until gone. `looking`
  // finds what a launcher would run; null: it is run as written.
  asio::awaitable<void> run(std::shared_ptr<Instance> self, std::vector<std::string> environment,
                            std::shared_ptr<Worker> looking);

  // The same of a server that has a `url` (remote.cc). `names` looks it up.
  asio::awaitable<void> run_remote(std::shared_ptr<Instance> self, std::shared_ptr<Worker> names);
  [[nodiscard]] bool is_remote() const { return !server_.url.empty(); }

  [[nodiscard]] Lease hold(Holder holder);
  void release(std::uint64_t holder) noexcept;
  [[nodiscard]] bool held_by(std::uint64_t holder) const { return holders_.contains(holder); }

  // Until ready, or failed: its error, with the last words of stderr; after connectTimeout it has failed.
  asio::awaitable<Result<void>> wait_ready();

  // One call of a session's, counted: while it is in flight no idle deadline stops the instance (I8), nor
  // while it waits for its turn (`concurrency: serial`). A tool that the entry does not offer is unknown
  // here: neither listed nor called.
  asio::awaitable<Result<mcp::Reply>> request(ContactPtr who, std::string_view method,
                                              std::string_view params, CallOptions options);
  asio::awaitable<Result<std::vector<mcp::Tool>>> tools(ContactPtr who);
  Result<void> notify(std::string_view method, std::string_view params);

  // Takes every lease back and makes the tree an orphan; the pool reaps it. Idempotent; the first reason
  // stays.
  void retire(const std::string& reason);

  // No new lease from here on; retires as soon as nobody uses it. A call in flight and a run of a job are
  // use. A client is with `everybody`, for as long as it holds its lease; with `calls_and_runs` its lease is
  // taken back, and its next call finds the next instance. May be asked again; the stricter one counts.
  enum class Spares { everybody, calls_and_runs };
  void drain(const std::string& reason, Spares spares);
  [[nodiscard]] bool is_draining() const { return draining_; }

  [[nodiscard]] InstanceState state() const { return state_; }
  [[nodiscard]] const config::Server& server() const { return server_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::shared_ptr<custody::Tree>& tree() const { return tree_; }
  [[nodiscard]] const mcp::InitializeResult& hello() const { return hello_; }
  [[nodiscard]] const std::map<std::uint64_t, Holder>& holders() const { return holders_; }
  [[nodiscard]] int calls_in_flight() const { return calls_; }
  [[nodiscard]] const std::string& reason() const { return reason_.empty() ? drain_reason_ : reason_; }
  [[nodiscard]] const std::optional<Resolution>& resolution() const { return resolution_; }
  // Of one that has no tree, whose id and time are its own.
  [[nodiscard]] const std::string& remote_id() const { return remote_id_; }
  [[nodiscard]] std::optional<SystemTime> started_at() const { return started_at_; }
  [[nodiscard]] std::optional<SystemTime> idle_since() const;
  [[nodiscard]] std::optional<SystemTime> stop_at() const;
  [[nodiscard]] bool is_ending() const {
    return state_ == InstanceState::retiring || state_ == InstanceState::gone;
  }
  [[nodiscard]] bool is_idle() const {
    return state_ == InstanceState::ready && holders_.empty() && !draining_;
  }
  // Nobody uses it, nor does its entry say that it works on for itself.
  [[nodiscard]] bool may_be_evicted() const;

 private:
  class CallGuard;
  void set_state(InstanceState state);
  asio::awaitable<custody::Command> without_launcher(custody::Command written,
                                                     std::shared_ptr<Worker> looking);
  void fail(Error error);     // the server's own fault: counted against its restart budget
  void give_up(Error error);  // whosoever's fault: whoever waits is told
  asio::awaitable<void> shake_hands();
  asio::awaitable<void> leave_remote(std::shared_ptr<Instance> self);
  void watch_tree();
  asio::awaitable<void> before_stop(std::chrono::steady_clock::time_point deadline);
  void leader_exited(custody::ExitStatus status, bool served_on);
  asio::awaitable<void> ping_successor(std::shared_ptr<Instance> self);
  [[nodiscard]] std::string and_the_memory(std::string symptom) const;
  [[nodiscard]] Error explained(Error error) const;
  asio::awaitable<void> explain_failure(Error error);
  void channel_closed(const Error& error);
  void touch();
  void arm_idle_timer();
  void arm_lifetime_timer();
  void retire_if_drained();
  asio::awaitable<Result<Turnstile::Turn>> take_turn(std::chrono::steady_clock::time_point deadline);

  asio::io_context& loop_;
  custody::Custodian& custodian_;
  const config::Server server_;
  const std::string key_;
  const ToolFilter tools_;
  std::shared_ptr<store::QueuedLog> log_;
  Tail tail_;
  Hooks hooks_;
  InstanceState state_ = InstanceState::starting;
  std::shared_ptr<custody::Tree> tree_;
  std::map<std::uint64_t, Holder> holders_;
  std::shared_ptr<Conversation> conversation_;
  std::unique_ptr<mcp::Client> client_;
  std::unique_ptr<PipeReader> stderr_;
  std::optional<Resolution> resolution_;
  std::string remote_id_;
  std::optional<SystemTime> started_at_;
  mcp::InitializeResult hello_;
  std::uint64_t next_holder_ = 1;
  int calls_ = 0;
  std::chrono::steady_clock::time_point last_activity_;
  std::chrono::steady_clock::time_point start_by_;  // ready, or failed
  std::optional<SystemTime> idle_since_;
  asio::steady_timer idle_timer_, lifetime_timer_;
  bool draining_ = false;
  std::string drain_reason_;
  Turnstile turnstile_;  // `concurrency: serial`
  std::optional<Error> failure_;
  std::string reason_;
  std::string exit_text_;                                      // how the leader ended, once known
  std::chrono::steady_clock::time_point unsignalled_until_{};  // its channel closed, and it may end by itself
  Event changed_;                                              // set and cleared at every change of state
  Event exited_;
  TaskGroup tasks_;
};

}  // namespace holdfast::gateway
