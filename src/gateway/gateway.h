// The gateway: servers, instances and the leases on them. Introduces custody to mcp; nobody below knows both.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task_group.h"
#include "base/wall_clock.h"
#include "base/worker.h"
#include "config/config.h"
#include "custody/custodian.h"
#include "gateway/consumer.h"
#include "gateway/lease.h"
#include "gateway/session.h"

namespace holdfast::gateway {

class Audit;
class Catalog;

// How a command that names a launcher (npx, uvx) was run.
struct Resolution {
  bool direct = false;
  std::string how;  // the program in the launcher's place, or why it was run as written
};

// One row of `ps` (docs/holdfast.1: shapes). An instance that starts has no tree yet, thus no `id`; its tree
// is a row of its own as long.
struct InstanceView {
  std::string id, server, key;
  custody::TreeState state = custody::TreeState::starting;
  bool idle = false;              // active, held by nobody, kept by policy until stop_at
  bool draining = false;          // active for those who use it still, and nobody else
  pid_t pid = 0, keeper_pid = 0;  // 0: not known yet
  std::vector<pid_t> processes;
  std::optional<custody::Rung> rung;
  std::vector<Holder> leases;
  int calls_in_flight = 0;
  std::optional<SystemTime> started_at, idle_since, stop_at;
  std::string reason;
  std::optional<Resolution> resolution;  // nullopt: there is no launcher in its command
};
struct ServerView {
  std::string name, state;  // ready | backoff | parked | disabled | unusable | removed
  std::string sharing, command, reason;
  int instances = 0, idle = 0, starts = 0, failures = 0;
  std::uint64_t entry = 0;  // a hash of what decides what it lists: another one is another server
  std::optional<SystemTime> retry_at;
  std::vector<std::pair<std::string, std::string>> limits;  // that the entry sets, and how each holds here
};
struct SessionView {
  std::string id, label;
  SessionKind kind = SessionKind::client;
  SystemTime since;
  std::vector<std::string> servers;
};

// What became of a server's instances when an operator asked for their end.
struct StopReport {
  int stopped = 0;                 // proven gone
  std::vector<InstanceView> left;  // draining, since somebody uses it; or it would not die
};
struct StopRequest {
  std::string reason;    // who asks, for log and ps: "holdfast stop"
  bool force = false;    // calls in flight fail; else they and the runs of jobs are waited for
  bool forgive = false;  // what failed so far counts no longer against its restart budget
};

struct GatewayOptions {
  std::filesystem::path log_dir;        // one rotated stderr file per server
  std::filesystem::path catalog_dir{};  // one file per server of what it listed last; empty: none
  std::shared_ptr<Audit> audit{};       // null: none is kept
  std::shared_ptr<Worker> names{};      // looks up the hosts of remote servers; null: only addresses will do
  std::shared_ptr<Worker> looking{};    // at what is installed; null: launchers are run as written
  bool reap_at_once = true;  // an orphan is reaped when its last lease ends; off: only sweeps do (tests)
};

// Loop thread only. Outlives every Session it opened.
class Gateway {
 public:
  static std::unique_ptr<Gateway> create(asio::io_context& loop, custody::Custodian& custodian,
                                         const config::Config& config, GatewayOptions options);
  virtual ~Gateway() = default;

  // nullptr: what servers list is not remembered.
  virtual std::shared_ptr<Catalog> catalog() { return nullptr; }

  // nullptr once close() was called. Without a consumer nobody is told what servers say, and what they ask is
  // refused; with one it is held weakly.
  virtual std::unique_ptr<Session> open_session(SessionKind kind, std::string label,
                                                const std::shared_ptr<Consumer>& consumer) = 0;
  std::unique_ptr<Session> open_session(SessionKind kind, std::string label) {
    return open_session(kind, std::move(label), nullptr);
  }

  // Runs a program in custody with a lease of its own (a job's `command`): the tree is held until the
  // returned value is destroyed. Its stdio is lent through the tree.
  class HeldTree {
   public:
    virtual ~HeldTree() = default;  // releases: the tree becomes an orphan unless it is gone
    [[nodiscard]] virtual custody::Tree& tree() = 0;
  };
  virtual asio::awaitable<Result<std::unique_ptr<HeldTree>>> run_in_custody(custody::TreeSpec spec,
                                                                            std::string holder) = 0;

  // The environment a child starts from: the allow-list of the gateway's own, plus `extra`.
  [[nodiscard]] virtual std::vector<std::string> child_environment(
      const std::map<std::string, std::string>& extra) const = 0;

  // One that a reload removed is there until its instances are gone, for those who look at or stop them.
  [[nodiscard]] virtual bool has_server(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<ServerView> servers() const = 0;
  [[nodiscard]] virtual std::vector<InstanceView> instances() const = 0;
  [[nodiscard]] virtual std::vector<SessionView> sessions() const = 0;
  [[nodiscard]] virtual std::filesystem::path stderr_log(std::string_view server) const = 0;

  // Ends every instance of `server` that is there now; the next call starts another. Without force only what
  // nobody uses is stopped: the others drain, the answer comes after the configuration's `drain` at the
  // latest, and what is in use then goes as soon as it is let go. Errors: not_found.
  virtual asio::awaitable<Result<StopReport>> stop_server(std::string server, StopRequest request) = 0;
  // Puts the entries of `config` in place of those before. What did not change is left alone; the instances
  // of what did are drained: a session's own copy until the session lets go, a shared one until its calls and
  // the runs that hold it have ended.
  virtual void reload(const config::Config& config) = 0;
  // Stops the instance that has been idle for longest, of whichever server. False: nobody is idle.
  virtual bool evict_idle(const std::string& reason) = 0;

  // No new sessions, leases or starts from here on.
  virtual void close() = 0;
  // Waits until no call is in flight, or the deadline. True: drained.
  virtual asio::awaitable<bool> drained(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace holdfast::gateway
