// One keeper, driven as a gateway would: a server under it, the lifeline, a pidfd of a gateway that can die.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "custody/keeper_protocol.h"
#include "os/cgroup.h"
#include "os/pidfd.h"
#include "outer.h"
#include "test_rung.h"

namespace holdfast::test {

struct KeeperSpec {
  std::string program;                   // absolute path of the server
  std::vector<std::string> arguments{};  // without argv[0]
  TestRung rung = TestRung::tree;
  std::string keeper = program_path("holdfast-keeper");
  std::string leaf_way = "clone";
  bool with_marker = false;   // argv[1] is a marker: wait_for_evil() waits until it was touched
  bool poison_leaf = false;   // one cgroup.kill before the server is born
  bool dead_gateway = false;  // it dies before the keeper runs
  int lost = 100, patience = 5000;
  std::string uid{};  // the keeper's user, to whom the leaf is delegated; empty: ours
};

class KeeperRun {
 public:
  KeeperRun(Outer& outer, const KeeperSpec& spec);
  ~KeeperRun();
  KeeperRun(const KeeperRun&) = delete;
  KeeperRun& operator=(const KeeperRun&) = delete;

  // The next message of this kind; others before it are kept in `heard`. nullopt: end of file, or 10 s
  // passed.
  std::optional<custody::KeeperDatagram> expect(custody::KeeperMessage kind);
  [[nodiscard]] const std::vector<custody::KeeperDatagram>& heard() const { return heard_; }
  void wait_for_evil();  // fails the test after 10 s
  bool evil_within(std::chrono::milliseconds limit);

  void stop(int eof, int term);  // closes stdin, then says it
  void close_stdin() { stdin_.reset(); }
  void close_lifeline() { lifeline_.reset(); }
  void kill_gateway();  // the pidfd's process; the lifeline stays open
  void kill_keeper();
  void kill_in_one_stroke();  // both: neither sees the other die

  // Reaped within `limit`; reads what it said to the end. nullopt: it lives on.
  std::optional<os::Waited> keeper_end(std::chrono::milliseconds limit);
  [[nodiscard]] pid_t keeper_pid() const { return keeper_.pid(); }
  [[nodiscard]] int stdin_fd() const { return stdin_.get(); }
  [[nodiscard]] int stdout_fd() const { return stdout_.get(); }
  [[nodiscard]] os::CgroupLeaf& leaf() { return leaf_; }

 private:
  bool hear(std::chrono::milliseconds limit);

  Outer& outer_;
  os::PidFd gateway_, keeper_;
  UniqueFd lifeline_, stdin_, stdout_, marker_;
  std::string marker_path_;
  os::CgroupLeaf leaf_;
  std::vector<custody::KeeperDatagram> heard_;
  bool reaped_ = false;
};

}  // namespace holdfast::test
