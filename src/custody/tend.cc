// How a tree lives on and ends: its keeper's words, its keeper's exit, and the proof that nothing is left.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "base/mutant.h"
#include "custody/custodian_core.h"
#include "os/cgroup.h"
#include "os/pidfd.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::custody {

namespace {

using std::chrono::steady_clock;
constexpr milliseconds kShortPause{2};
constexpr milliseconds kLongPause{50};
constexpr milliseconds kHopelessPause{1000};
constexpr int kCleanLooks = 2;  // a list of children may miss one while it changes

struct LookResult {
  int left = 0;
  int killed = 0;
  bool refused = false;
  bool starved = false;  // we lacked descriptors: says nothing of the tree
  std::optional<ExitStatus> leader;
  std::string trouble;  // what the kernel refused
};

// On the worker. One SIGKILL pass over all that may be left of a tree whose keeper is gone, then a count.
LookResult look_once(Core& core, const LedgerEntry& entry, pid_t leader) {
  LookResult result;
  const auto strays = core.strays.pass(entry.id, leader);
  result = {.left = strays.left,
            .killed = strays.killed,
            .refused = strays.refused,
            .starved = false,
            .leader = strays.leader,
            .trouble = {}};
  if (entry.leaf.empty()) return result;
  const auto leaf = os::CgroupLeaf::open(entry.leaf);
  if (!leaf) {
    if (!leaf.error().is_errno(ENOENT)) result.left += 1, result.trouble = leaf.error().message();
    return result;
  }
  auto populated = leaf->populated();
  if (populated && *populated) {
    if (const auto pass = leaf->kill_pass())
      result.killed = std::max(result.killed, *pass);
    else
      result.trouble = pass.error().message();
    populated = leaf->populated();
  }
  if (!populated) result.trouble = populated.error().message();
  if (!populated || *populated) {
    result.left += 1;
    result.refused = false;
  }
  return result;
}

// The same with the descriptors that are kept back for it. Who could not open everything has proven nothing.
LookResult look_and_kill(Core& core, const LedgerEntry& entry, pid_t leader) {
  const os::DescriptorReserve::Lent lent(core.reserve);
  const auto shortages = os::descriptor_shortages();
  LookResult result = look_once(core, entry, leader);
  result.starved = os::descriptor_shortages() != shortages;
  if (result.starved) result.left = std::max(result.left, 1);
  return result;
}

Result<void> bury_once(Core& core, const LedgerEntry& entry) {
  const os::DescriptorReserve::Lent lent(core.reserve);
  return bury(entry, core.ledger);
}

// The keeper is gone: the ladder's last rung is ours.
asio::awaitable<void> prove_empty(CoreRef core, TreeRef tree, bool in_order) {
  auto deadline = steady_clock::now() + core->options.patience;
  milliseconds pause = kShortPause;
  bool said_starved = false;
  for (int clean = 0;;) {
    const auto look = co_await core->worker.run(
        [core, entry = tree->entry, leader = tree->leader] { return look_and_kill(*core, entry, leader); });
    if (core->ended) co_return;
    if (look.leader && !tree->ending.leader) tree->ending.leader = look.leader;
    tree->ending.killed += look.killed;
    if (look.left == 0) {
      if (++clean >= (in_order ? 1 : kCleanLooks)) break;
      continue;
    }
    clean = 0;
    if (look.starved) {  // patience is for what the tree does, as far as we see it
      deadline = steady_clock::now() + core->options.patience;
      if (!std::exchange(said_starved, true))
        log::warn("tree.starved", {{"tree", tree->id()}, {"reason", "out of file descriptors"}});
    } else if (look.refused || steady_clock::now() >= deadline) {
      tree->apply(TreeEvent::give_up, look.refused           ? "its members belong to another user"
                                      : look.trouble.empty() ? "its members do not die"
                                                             : look.trouble);
    }
    if (tree->state() == TreeState::unkillable) pause = kHopelessPause;
    co_await sleep_until(steady_clock::now() + pause);
    if (core->ended) co_return;
    pause = std::max(std::min(pause * 2, kLongPause), pause == kHopelessPause ? kHopelessPause : kShortPause);
  }
}

}  // namespace

asio::awaitable<void> read_lifeline(CoreRef core, TreeRef tree) {
  while (!core->ended && tree->lifeline && tree->lifeline->is_open()) {
    boost::system::error_code ec;
    co_await tree->lifeline->async_wait(asio::posix::descriptor_base::wait_read,
                                        asio::redirect_error(asio::use_awaitable, ec));
    if (core->ended || ec || !tree->lifeline->is_open()) co_return;
    const bool open = tree->hear();
    // What it decided by itself is bounded by us all the same.
    if (tree->leader_left && tree->started.is_set()) core->begin_stop(tree, tree->reason());
    if (!open) co_return;
  }
}

asio::awaitable<void> tend(CoreRef core, TreeRef tree) {
  boost::system::error_code ec;
  co_await tree->keeper_watch->async_wait(asio::posix::descriptor_base::wait_read,
                                          asio::redirect_error(asio::use_awaitable, ec));
  if (core->ended) co_return;
  (void)tree->hear();  // its last words
  std::optional<ExitStatus> status;
  while (!status) {
    const bool dead = tree->keeper.exited();  // before the attempt: it may die just after it
    status = co_await core->worker.run([core, id = tree->id()] { return core->strays.reap_keeper(id); });
    if (core->ended) co_return;
    if (!status && dead) {  // traced from outside: nothing more will be known of it
      log::debug("keeper.withheld", {{"tree", tree->id()}, {"pid", tree->keeper.pid()}});
      status = ExitStatus{.code = -1};
    }
    if (!status) co_await sleep_until(steady_clock::now() + kLongPause);  // the loop could not watch it
    if (core->ended) co_return;
  }
  const bool in_order = status->success() && tree->said_empty;
  tree->keeper_gone = true;
  tree->spoke.set();
  tree->acked.set();
  tree->exited.set();
  // While start() is under way the tree is its own; it ends that phase at once now that the keeper is gone.
  const bool failed = tree->start_error.has_value();
  while (!failed && tree->running && !tree->started.is_set() && tree->state() == TreeState::starting) {
    co_await tree->started.wait_until(steady_clock::now() + kLongPause);
    if (core->ended) co_return;
  }
  if (!in_order && !failed)
    log::warn("keeper.lost", {{"tree", tree->id()}, {"name", tree->name()}, {"status", to_string(*status)}});
  tree->apply(TreeEvent::keeper_lost, "its keeper ended: " + to_string(*status));
  co_await prove_empty(core, tree, in_order);
  if (core->ended) co_return;
  if (tree->container) co_await end_containers(core, tree);
  if (core->ended) co_return;
  auto buried = co_await core->worker.run([core, entry = tree->entry] {
    core->strays.forget(entry.id);
    return bury_once(*core, entry);
  });
  const auto enough = steady_clock::now() + core->options.patience;
  while (!buried && is_shortage(buried.error()) && !core->ended && steady_clock::now() < enough) {
    co_await sleep_until(steady_clock::now() + kLongPause);
    if (core->ended) co_return;
    buried = co_await core->worker.run([core, entry = tree->entry] { return bury_once(*core, entry); });
  }
  if (core->ended) co_return;
  if (!buried) log::error("tree.bury", {{"tree", tree->id()}, {"error", buried.error().message()}});
  core->bury(tree);
}

namespace {

// A child that is no tree's keeper yet is one at its birth: until it executes the worker waits for it, and
// with the worker everybody, so it has to go on. (Or it came to us from a dead keeper and is killed soon.)
void note_stopped_child(const Core& core, pid_t pid) {
  for (const auto& tree : core.trees)
    if (tree->keeper.pid() == pid && !tree->keeper_gone) return tree->note_stopped_keeper();
  if (kSwitchedOff == Mechanism::newborn_continued) return;
  const auto child = os::PidFd::open(pid);
  const auto stat = os::read_stat(pid);
  if (child && stat && stat->ppid == os::own_pid()) (void)child->signal(SIGCONT);
}

}  // namespace

asio::awaitable<void> watch_stopped_keepers(CoreRef core) {
  boost::system::error_code ec;
  core->child_signals.add(SIGCHLD, ec);
  if (ec) {
    log::error("custody.sigchld", {{"error", ec.message()}});
    co_return;
  }
  while (!core->ended) {
    for (;;) {
      const auto pid = os::stopped_child();
      if (!pid || *pid == 0) break;
      note_stopped_child(*core, *pid);
    }
    co_await core->child_signals.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
  }
}

}  // namespace holdfast::custody
