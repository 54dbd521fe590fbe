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
#include "config/config.h"
#include "custody/custodian.h"
#include "gateway/lease.h"
#include "gateway/session.h"

namespace holdfast::gateway {

// `ps`, one row (docs/holdfast.1: shapes).
struct InstanceView {
  std::string id, server, key;
  custody::TreeState state = custody::TreeState::starting;
  bool idle = false;  // active, held by nobody, kept by policy until stop_at
  pid_t pid = 0, keeper_pid = 0;
  std::vector<pid_t> processes;
  custody::Rung rung = custody::Rung::tree;
  std::vector<Holder> leases;
  int calls_in_flight = 0;
  SystemTime started_at;
  std::optional<SystemTime> idle_since, stop_at;
  std::string reason;
};
struct ServerView {
  std::string name, state;  // ready | backoff | parked | disabled | unusable
  std::string sharing, command, reason;
  int instances = 0, idle = 0, starts = 0, failures = 0;
  std::optional<SystemTime> retry_at;
};
struct SessionView {
  std::string id, label;
  SessionKind kind = SessionKind::client;
  SystemTime since;
  std::vector<std::string> servers;
};

struct GatewayOptions {
  std::filesystem::path log_dir;  // one rotated stderr file per server
  bool reap_at_once = true;       // an orphan is reaped when its last lease ends; off: only sweeps do (tests)
};

// Loop thread only. Outlives every Session it opened.
class Gateway {
 public:
  static std::unique_ptr<Gateway> create(asio::io_context& loop, custody::Custodian& custodian,
                                         const config::Config& config, GatewayOptions options);
  virtual ~Gateway() = default;

  // nullptr once close() was called.
  virtual std::unique_ptr<Session> open_session(SessionKind kind, std::string label) = 0;

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

  [[nodiscard]] virtual bool has_server(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<ServerView> servers() const = 0;
  [[nodiscard]] virtual std::vector<InstanceView> instances() const = 0;
  [[nodiscard]] virtual std::vector<SessionView> sessions() const = 0;
  [[nodiscard]] virtual std::filesystem::path stderr_log(std::string_view server) const = 0;

  // No new sessions, leases or starts from here on.
  virtual void close() = 0;
  // Waits until no call is in flight, or the deadline. True: drained.
  virtual asio::awaitable<bool> drained(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace holdfast::gateway
