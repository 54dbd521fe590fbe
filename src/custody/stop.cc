// The stop ladder as the gateway sees it: ask the keeper, and see that it does as it was asked.
#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "custody/custodian_core.h"
#include "custody/keeper_watch.h"
#include "os/process.h"

namespace holdfast::custody {

namespace {

using std::chrono::steady_clock;
constexpr milliseconds kLongestBeforeStop{1000};
constexpr milliseconds kMargin{2000};  // over the sum of all graces
constexpr milliseconds kAbandoned{100};
constexpr milliseconds kRuntime{20000};  // for some answers of a container runtime, each bounded for itself

asio::awaitable<void> call(std::function<asio::awaitable<void>(steady_clock::time_point)> errand,
                           steady_clock::time_point deadline) {
  co_await errand(deadline);
}

// The borrower's last words to the server.
asio::awaitable<void> before_stop(CoreRef core, TreeRef tree) {
  const auto errand = tree->before_stop();
  if (!errand) co_return;
  const auto deadline = steady_clock::now() + std::min(kLongestBeforeStop, tree->graces.eof);
  TaskGroup group(core->executor);
  group.spawn("tree.before_stop", call(errand, deadline));
  if (co_await group.join(deadline)) co_return;
  group.cancel();
  co_await group.join(steady_clock::now() + kAbandoned);
}

// True once the keeper has shown that it heard us. A stopped one is continued; a held one is ended.
asio::awaitable<bool> ask(CoreRef core, TreeRef tree) {
  KeeperDatagram request{
      .kind = KeeperMessage::stop, .a = tree->graces.eof.count(), .b = tree->graces.term.count()};
  tree->asked = true;
  if (tree->lifeline && tree->lifeline->is_open())
    (void)os::send_message(tree->lifeline->native_handle(), std::as_bytes(std::span(&request, 1)));
  if (co_await tree->acked.wait_until(steady_clock::now() + kAcknowledge) || core->ended) co_return true;
  (void)tree->keeper.signal(SIGCONT);
  if (co_await tree->acked.wait_until(steady_clock::now() + kAcknowledge) || core->ended) co_return true;
  if (only_starved(tree->keeper.pid()))
    if (co_await tree->acked.wait_until(steady_clock::now() + kStarved) || core->ended) co_return true;
  co_return false;
}

void take_over(const TreeRef& tree, std::string_view why) {
  log::warn("keeper.killed", {{"tree", tree->id()}, {"pid", tree->keeper.pid()}, {"reason", why}});
  (void)tree->keeper.signal(SIGKILL);  // its exit wakes tend(), which ends the tree without grace
}

milliseconds longest_ladder(const Core& core, const TreeImpl& tree) {
  return tree.graces.eof + tree.graces.term + core.options.patience + kLeft + kMargin;
}

}  // namespace

void Core::begin_stop(const TreeRef& tree, std::string reason) {
  if (tree->state() == TreeState::gone || tree->state() == TreeState::unkillable || tree->driven) return;
  if (tree->state() == TreeState::starting) {  // run_start() comes back to it
    tree->stop_asked = true;
    tree->spoke.set();
    return;
  }
  tree->driven = true;
  group.spawn("tree.stop", run_stop(shared_from_this(), tree, std::move(reason)));
}

void Core::bury(const TreeRef& tree) {
  tree->apply(TreeEvent::proven, tree->reason());
  ++totals.reaped;
  std::erase(trees, tree);
  tree->bury();
  log::info("tree.gone", {{"tree", tree->id()},
                          {"name", tree->name()},
                          {"reason", tree->ending.reason},
                          {"leader", tree->ending.leader ? to_string(*tree->ending.leader) : "unknown"},
                          {"terminated", tree->ending.terminated},
                          {"killed", tree->ending.killed},
                          {"ms", tree->ending.took.count()}});
}

asio::awaitable<void> run_stop(CoreRef core, TreeRef tree, std::string reason) {
  const bool by_itself = tree->leader_left;
  bool heard = true;
  tree->apply(TreeEvent::stop, std::move(reason));
  if (!by_itself && !tree->keeper_gone) {
    co_await before_stop(core, tree);
    if (core->ended || tree->keeper_gone) co_return;
    tree->close_stdin();
    heard = co_await ask(core, tree);
    if (core->ended || tree->keeper_gone) co_return;
  }
  if (heard) {
    const auto limit = steady_clock::now() + longest_ladder(*core, *tree);
    if (co_await tree->exited.wait_until(limit) || core->ended) co_return;
    if (tree->state() == TreeState::unkillable) co_return;  // it said so, and goes on trying
  }
  take_over(tree, heard ? "its ladder does not end" : "it did not answer");
  if (co_await tree->exited.wait_until(steady_clock::now() + core->options.patience) || core->ended)
    co_return;
  tree->apply(TreeEvent::give_up, "its keeper does not die");  // tend() still waits for it
}

asio::awaitable<bool> await_gone(CoreRef core, TreeRef tree) {
  // begin_stop() and tend() bound the ladder; this only bounds their mistakes.
  const auto limit = steady_clock::now() + 2 * longest_ladder(*core, *tree) + kLongestBeforeStop + kStarved +
                     (tree->container ? kRuntime : milliseconds(0));
  while (tree->state() != TreeState::gone && tree->state() != TreeState::unkillable)
    if (!co_await tree->settled.wait_until(limit)) break;
  co_return tree->state() == TreeState::gone;
}

}  // namespace holdfast::custody
