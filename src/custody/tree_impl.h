// One tree as the custodian keeps it. Internal to custody.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "custody/container.h"
#include "custody/keeper_protocol.h"
#include "custody/launch.h"
#include "custody/ledger.h"
#include "custody/tree.h"
#include "custody/tree_state.h"

namespace holdfast::custody {

class TreeImpl final : public Tree, public std::enable_shared_from_this<TreeImpl> {
 public:
  using steady = std::chrono::steady_clock;

  TreeImpl(asio::any_io_executor loop, LedgerEntry intent, Graces graces, bool pidns);
  ~TreeImpl() override { let_go(); }

  [[nodiscard]] const std::string& id() const override { return entry.id; }
  [[nodiscard]] const std::string& name() const override { return entry.name; }
  [[nodiscard]] TreeState state() const override { return state_; }
  [[nodiscard]] Rung rung() const override {
    if (pidns) return Rung::pidns;
    return entry.leaf.empty() ? Rung::tree : Rung::leaf;
  }
  [[nodiscard]] pid_t leader_pid() const override { return leader; }
  [[nodiscard]] pid_t keeper_pid() const override { return keeper.pid(); }
  [[nodiscard]] SystemTime started_at() const override { return started_at_; }
  [[nodiscard]] const std::string& reason() const override { return reason_; }
  [[nodiscard]] std::string out_of_memory() const override;
  [[nodiscard]] std::vector<pid_t> members() const override;
  [[nodiscard]] int stdin_fd() const override { return in_.get(); }
  [[nodiscard]] int stdout_fd() const override { return out_.get(); }
  [[nodiscard]] int stderr_fd() const override { return err_.get(); }
  void watch(Watcher watcher) override;
  void orphan(std::string reason) override { apply(TreeEvent::orphan, std::move(reason)); }

  // The one way to change the state. False: no change (too late, again, or forbidden, which is logged).
  bool apply(TreeEvent event, std::string reason);

  // Takes the keeper, its lifeline and our pipe ends. Where the loop cannot watch them: `start_error`.
  void adopt(Launched launched);
  // Reads all that the keeper has said so far. False: it has closed its end.
  bool hear();
  void close_stdin() { in_.reset(); }
  void let_go();  // of keeper and lifeline; who waits for them wakes
  // The kernel says that it is empty: tells the watcher, then closes what is still open.
  void bury();
  // What the watcher has to do before stdin closes; empty if nothing.
  [[nodiscard]] auto before_stop() const { return watcher_.before_stop; }
  void note_stopped_keeper();  // it got SIGSTOP: continued at once, or ended if that goes on

  LedgerEntry entry;
  std::optional<Container> container;  // what it runs is one
  bool errand = false;  // a question to a runtime, for another tree's end: it has its own bound
  const Graces graces;
  const bool pidns;  // in a PID namespace of its own
  os::PidFd keeper;
  std::optional<asio::posix::stream_descriptor> keeper_watch, lifeline;
  pid_t leader = 0;
  std::uint64_t leader_ticks = 0, leaf_id = 0;
  steady::time_point ladder_began{};  // zero: not yet
  Ending ending;
  std::optional<Error> start_error;  // why start() failed
  std::int64_t failed_step = -1;     // the keeper's `spawn_failed`, if that came
  bool poisoned = false;             // its leaf's kill counter was: spawned by cgroup.procs
  bool running = false;              // the keeper reported the leader
  bool asked = false;                // the keeper was told to stop
  bool driven = false;               // a coroutine drives its ladder
  bool stop_asked = false;           // wanted gone while it was starting
  bool leader_left = false;          // the keeper retires it by itself
  bool said_empty = false;           // the keeper's last word
  bool keeper_gone = false;
  // Each is set once, in this order where all of them come.
  Event spoke;    // the keeper said what became of the start, or will say nothing any more
  Event started;  // start() has its answer; from here on news of the tree change its state
  Event acked;    // the keeper heard that it is to stop, or is gone
  Event exited;   // the keeper's process has ended
  Event settled;  // no ladder runs any more: gone, or unkillable

 private:
  void heed(const KeeperDatagram& message);
  void leader_is_gone(const KeeperDatagram& message);
  void tell(std::function<void(const Watcher&)> news);
  void flush();

  const asio::any_io_executor loop_;
  TreeState state_ = TreeState::starting;
  std::string reason_;
  std::string memory_kill_;  // what out_of_memory() says once the leaf is gone
  SystemTime started_at_;
  UniqueFd in_, out_, err_;
  Watcher watcher_;
  bool watched_ = false;
  bool buried_ = false;
  std::deque<std::function<void(const Watcher&)>> news_;  // at most one of each kind, until somebody watches
  steady::time_point first_stop_{};
  int stops_ = 0;
};

}  // namespace holdfast::custody
