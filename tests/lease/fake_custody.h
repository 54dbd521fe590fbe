// A custodian without processes: trees are pipes and a state, moved by custody's own table, and whoever
// drives the test says when a start succeeds, a server answers, crashes, or is proven gone. It keeps the
// books from outside of the gateway.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "custody/custodian.h"
#include "custody/tree_state.h"

namespace holdfast::test {

using SteadyTime = std::chrono::steady_clock::time_point;

class FakeTree final : public custody::Tree, public std::enable_shared_from_this<FakeTree> {
 public:
  // `asked`: when its start was.
  FakeTree(asio::io_context& loop, std::string id, std::string name, SteadyTime asked);

  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] custody::TreeState state() const override { return state_; }
  [[nodiscard]] custody::Rung rung() const override { return custody::Rung::tree; }
  [[nodiscard]] pid_t leader_pid() const override { return 0; }
  [[nodiscard]] pid_t keeper_pid() const override { return 0; }
  [[nodiscard]] SystemTime started_at() const override { return {}; }
  [[nodiscard]] const std::string& reason() const override { return reason_; }
  [[nodiscard]] std::string out_of_memory() const override { return memory_kill; }
  [[nodiscard]] std::vector<pid_t> members() const override { return {}; }
  [[nodiscard]] int stdin_fd() const override { return stdin_.get(); }
  [[nodiscard]] int stdout_fd() const override { return stdout_.get(); }
  [[nodiscard]] int stderr_fd() const override { return -1; }
  void watch(Watcher watcher) override;
  [[nodiscard]] bool taken() const { return taken_; }  // the gateway has its instance for it
  void orphan(std::string reason) override { apply(custody::TreeEvent::orphan, std::move(reason)); }

  void apply(custody::TreeEvent event, std::string reason);
  asio::awaitable<void> before_stop(SteadyTime deadline);
  void close_stdin() { stdin_.reset(); }
  // The server's side.
  std::string hear();  // what it has been sent since
  void say(std::string_view line);
  void crash(custody::ExitStatus status = {.code = 1});  // the leader ends by itself
  void hand_over();     // the leader leaves with status 0, and a child of it goes on
  void close_output();  // it lives on and says nothing any more
  void give_up();       // stopping, and SIGKILL does not end it
  void prove();         // stopping or unkillable, and now proven empty

  const SteadyTime asked;
  Event settled;            // gone, or unkillable
  std::string memory_kill;  // what its leaf tells

 private:
  using News = std::function<void(const Watcher&)>;
  void tell(News news);  // kept until somebody watches, as custody does
  void flush();

  asio::io_context& loop_;
  const std::string id_, name_;
  custody::TreeState state_ = custody::TreeState::active;
  std::string reason_;
  Watcher watcher_;
  bool taken_ = false;
  std::deque<News> news_;
  UniqueFd stdin_, server_in_, stdout_, server_out_;
};

class FakeCustodian final : public custody::Custodian {
 public:
  explicit FakeCustodian(asio::io_context& loop) : loop_(loop), tasks_(loop.get_executor()) {}

  [[nodiscard]] const custody::RungReport& rung() const override { return rung_; }
  [[nodiscard]] const std::string& gateway_id() const override { return id_; }
  asio::awaitable<custody::RecoveryReport> recover() override { co_return custody::RecoveryReport{}; }
  asio::awaitable<Result<std::shared_ptr<custody::Tree>>> start(custody::TreeSpec spec) override;
  asio::awaitable<bool> stop(std::shared_ptr<custody::Tree> tree, std::string reason) override;
  asio::awaitable<custody::SweepReport> sweep() override;
  [[nodiscard]] custody::SweepReport sweep_dry_run() const override { return {}; }
  asio::awaitable<custody::SweepReport> shutdown() override { co_return custody::SweepReport{}; }
  [[nodiscard]] std::vector<std::shared_ptr<custody::Tree>> trees() const override;
  [[nodiscard]] milliseconds longest_graces() const override { return {}; }
  [[nodiscard]] Totals totals() const override { return {}; }

  // Starts that nobody has decided upon, oldest first.
  struct Start {
    Start(asio::io_context& loop, std::string n) : name(std::move(n)), decided(loop.get_executor()) {}
    std::string name;
    const SteadyTime asked = std::chrono::steady_clock::now();
    Event decided;
    std::shared_ptr<FakeTree> tree;  // null: it failed
  };
  std::list<Start*> starts;
  std::vector<std::shared_ptr<FakeTree>> all;  // every tree there ever was

  void decide(Start& start, bool success);

 private:
  asio::io_context& loop_;
  TaskGroup tasks_;
  custody::RungReport rung_;
  std::string id_ = "fake";
  int made_ = 0;
};

}  // namespace holdfast::test
