// The pool: at most one live instance per (server, key), started when first needed, kept as the server's
// policy says.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"
#include "base/worker.h"
#include "config/config.h"
#include "custody/custodian.h"
#include "gateway/catalog.h"
#include "gateway/gateway.h"
#include "gateway/instance.h"
#include "gateway/lease.h"
#include "gateway/policy.h"

namespace holdfast::gateway {

class Pool {
 public:
  Pool(asio::io_context& loop, custody::Custodian& custodian, const config::Config& config,
       GatewayOptions options);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A lease on the instance that `session` may use, ready for calls. Waits within the server's connectTimeout
  // for a start, a backoff, or the proof that the instance before is gone (I6). Errors as Session::connect.
  asio::awaitable<Result<Lease>> acquire(std::string server, Holder holder);

  // Makes the tree an orphan, and reaps it behind the caller's back unless only sweeps may.
  void give_up(const std::shared_ptr<custody::Tree>& tree, const std::string& reason);

  // As Gateway's (operate.cc).
  asio::awaitable<Result<StopReport>> stop_server(std::string name, StopRequest request);
  void reload(const config::Config& config);
  bool evict_idle(const std::string& reason);

  [[nodiscard]] bool has_server(std::string_view name) const;
  [[nodiscard]] std::vector<ServerView> servers() const;
  [[nodiscard]] std::vector<InstanceView> instances() const;
  [[nodiscard]] std::filesystem::path stderr_log(std::string_view server) const;

  [[nodiscard]] Audit* audit() const { return options_.audit.get(); }  // null: none is kept

  // From here on clients are refused; runs that are under way may still call, and start what they need.
  void close() { closed_ = true; }
  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] bool refuses(SessionKind kind) const { return closed_ && kind == SessionKind::client; }
  // No call is in flight, nor a start that somebody's call waits for. False: not until the deadline.
  asio::awaitable<bool> drained(std::chrono::steady_clock::time_point deadline);

 private:
  class Acquiring;
  struct Server {
    explicit Server(const config::Server& entry) { replace(entry); }
    void replace(const config::Server& entry) {
      config = std::make_shared<const config::Server>(entry);
      identity = listing_identity(entry);
      budget = RestartBudget(entry.restart);
      last_failure.clear();
      removed = false;
    }
    std::shared_ptr<const config::Server> config;  // another one after a reload that changed the entry
    std::uint64_t identity = 0;
    RestartBudget budget{{}};
    std::shared_ptr<store::QueuedLog> log;
    std::map<std::string, std::shared_ptr<Instance>> instances;  // by key and profile; until proven gone
    int starts = 0;
    std::string last_failure;
    bool removed = false;  // no longer in the configuration; here until its instances are gone
  };
  using ServerPtr =
      std::shared_ptr<Server>;  // whoever awaits for a server keeps it, since a reload may drop it

  std::shared_ptr<store::QueuedLog> log_of(Server& server);
  // `entry` is the server's, as it is for this key: whoever has a copy of his own has it as under `session`.
  Result<std::shared_ptr<Instance>> start(const ServerPtr& server, const config::Server& entry,
                                          const std::string& key, mcp::ClientProfile profile, Lease& lease,
                                          Holder holder);
  asio::awaitable<Result<void>> wait_for_room(ServerPtr server, std::string key, SessionKind kind,
                                              std::chrono::steady_clock::time_point deadline);
  static std::shared_ptr<Instance> longest_idle(const Server& server);
  static void drain(const Server& server, const std::string& reason);
  void unheld(Instance& instance);
  void changed(Instance& instance);
  void pulse();
  asio::awaitable<void> reap(std::shared_ptr<custody::Tree> tree, std::string reason);

  asio::io_context& loop_;
  custody::Custodian& custodian_;
  GatewayOptions options_;
  std::shared_ptr<Worker> log_disk_ = std::make_shared<Worker>();
  std::map<std::string, ServerPtr, std::less<>> servers_;
  milliseconds drain_;
  Event changed_;  // set and cleared at every change of any instance
  bool closed_ = false;
  int acquiring_ = 0;  // calls of acquire() that wait
  TaskGroup tasks_;
};

// What a tree alone can tell of itself; costs a walk of its members.
InstanceView view_of(const custody::Tree& tree);
InstanceView view_of(const Instance& instance);

}  // namespace holdfast::gateway
