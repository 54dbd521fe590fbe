#include "custody/custodian.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/caught.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mutant.h"
#include "custody/custodian_core.h"
#include "custody/recovery.h"
#include "custody/survey.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::custody {

namespace {

using std::chrono::steady_clock;
constexpr std::chrono::minutes kSecondLook{1};  // no wait is without a deadline; this one is only asked again

// I3: what a sweep may end. Everything else belongs to somebody.
bool may_reap(TreeState state, bool include_active) {
  if (kSwitchedOff == Mechanism::sweep_spares_the_held) include_active = true;
  return state == TreeState::orphaned || (include_active && state != TreeState::gone);
}

// What a sweep only waits for, and tells of like the rest.
bool is_ending(TreeState state) { return state == TreeState::stopping || state == TreeState::unkillable; }

class CustodianImpl final : public Custodian {
 public:
  explicit CustodianImpl(CoreRef core) : core_(std::move(core)) {}
  // Trees that live are left to their keepers, who see the lifelines close.
  ~CustodianImpl() override {
    core_->ended = true;
    core_->group.cancel();
    for (const auto& tree : core_->trees) tree->let_go();
    if (core_->trees.empty())
      (void)clear_away(std::move(core_->rungs.handed), core_->rungs.leaf_parent);
    else
      core_->rungs.handed.leave();
  }

  [[nodiscard]] const RungReport& rung() const override { return core_->rungs.report; }
  [[nodiscard]] const std::string& gateway_id() const override { return core_->gateway_id; }

  asio::awaitable<RecoveryReport> recover() override { return recover_on_worker(core_); }
  asio::awaitable<Result<std::shared_ptr<Tree>>> start(TreeSpec spec) override {
    return start_tree(core_, std::move(spec));
  }
  asio::awaitable<bool> stop(std::shared_ptr<Tree> tree, std::string reason) override {
    return stop_tree(core_, std::static_pointer_cast<TreeImpl>(std::move(tree)), std::move(reason));
  }
  asio::awaitable<SweepReport> sweep() override { return reap(core_, false, "orphaned: sweep"); }
  [[nodiscard]] SweepReport sweep_dry_run() const override {
    SweepReport report;
    report.examined = static_cast<int>(core_->trees.size());
    for (const auto& tree : core_->trees)
      if (may_reap(tree->state(), false) || is_ending(tree->state()))
        (tree->state() == TreeState::unkillable ? report.unkillable : report.reaped).push_back(tree->id());
    return report;
  }
  asio::awaitable<SweepReport> shutdown() override {
    core_->closing = true;
    return close_down(core_);
  }

  [[nodiscard]] std::vector<std::shared_ptr<Tree>> trees() const override {
    return {core_->trees.begin(), core_->trees.end()};
  }
  [[nodiscard]] milliseconds longest_graces() const override {
    milliseconds longest{};
    for (const auto& tree : core_->trees) longest = std::max(longest, tree->graces.eof + tree->graces.term);
    return longest;
  }
  [[nodiscard]] Totals totals() const override { return core_->totals; }

 private:
  static asio::awaitable<RecoveryReport> recover_on_worker(CoreRef core) {
    auto report = co_await core->worker.run([core] {
      const os::DescriptorReserve::Lent lent(core->reserve);
      return recovery::recover({.ledger = &core->ledger,
                                .gateway_id = core->gateway_id,
                                .boot_id = core->boot_id,
                                .leaf_parent = core->rungs.leaf_parent,
                                .patience = core->options.patience});
    });
    if (!core->ended) co_await recall_containers(core);
    co_return report;
  }

  static asio::awaitable<Result<std::shared_ptr<Tree>>> start_tree(CoreRef core, TreeSpec spec) {
    if (core->closing) co_return fail(Errc::closed, "start", spec.name);
    const bool pidns = spec.pidns || core->options.pidns;
    if (const auto& why = core->rungs.report.no_pidns; pidns && !why.empty())
      co_return fail(Errc::refused, "pidns", why);  // never silently on less
    const auto tree = std::make_shared<TreeImpl>(core->executor, core->intent_for(spec), spec.graces, pidns);
    core->trees.push_back(tree);
    // Whoever awaits may be cancelled at any moment; the start goes on to its own end, then nobody holds it.
    struct Abandon {
      Core& core;
      TreeRef tree;
      bool handed_over = false;
      ~Abandon() {
        if (handed_over || core.ended || tree->state() == TreeState::gone) return;
        if (tree->state() == TreeState::active) tree->orphan("its start was cancelled");
        core.begin_stop(tree, "its start was cancelled");
      }
    } guard{*core, tree};
    core->group.spawn("tree.start", run_start(core, tree, std::move(spec)));
    while (!co_await tree->started.wait_until(steady_clock::now() + kSecondLook))
      if (core->ended || co_await is_cancelled()) co_return fail(Errc::cancelled, "start", tree->name());
    guard.handed_over = true;
    if (tree->start_error) co_return std::unexpected(*tree->start_error);
    co_return tree;
  }

  static asio::awaitable<bool> stop_tree(CoreRef core, TreeRef tree, std::string reason) {
    core->begin_stop(tree, std::move(reason));
    co_return co_await await_gone(core, tree);
  }

  // Everything that ends more than one tree comes through here. `include_active` is true in shutdown() only.
  static asio::awaitable<SweepReport> reap(CoreRef core, bool include_active, std::string reason) {
    SweepReport report;
    report.examined = static_cast<int>(core->trees.size());
    ++core->totals.sweeps;
    std::vector<TreeRef> awaited;
    for (const auto& tree : std::vector(core->trees)) {
      if (tree->errand) continue;  // who is awaited may need it
      const bool chosen = may_reap(tree->state(), include_active);
      if (chosen) core->begin_stop(tree, reason);
      if (chosen || is_ending(tree->state())) awaited.push_back(tree);
    }
    for (const auto& tree : awaited) {
      const bool gone = co_await await_gone(core, tree);
      (gone ? report.reaped : report.unkillable).push_back(tree->id());
    }
    co_return report;
  }

  static asio::awaitable<SweepReport> close_down(CoreRef core) {
    auto report = co_await reap(core, true, "shutdown");
    if (core->ended || !core->trees.empty()) co_return report;
    auto job = [core, handed = std::move(core->rungs.handed), parent = core->rungs.leaf_parent]() mutable {
      const os::DescriptorReserve::Lent lent(core->reserve);
      return clear_away(std::move(handed), parent);
    };
    const auto removed = co_await core->worker.run(std::move(job));
    if (!removed) log::warn("custody.leaf_parent", {{"error", removed.error().message()}});
    co_return report;
  }

  CoreRef core_;
};

}  // namespace

Core::Core(asio::io_context& loop, CustodianOptions options_, Self who, Ledger ledger_)
    : executor(loop.get_executor()),
      options(std::move(options_)),
      gateway_id(std::move(who.gateway_id)),
      generation(random_hex(4)),
      ledger(std::move(ledger_)),
      self(std::move(who.process)),
      identity(who.identity),
      boot_id(std::move(who.boot_id)),
      left_containers(executor),
      strays(gateway_id),
      child_signals(executor),
      group(executor) {}

namespace {

// Half known it would be worse than not at all: entries that it could not tell from another boot's would be
// dropped.
Result<Self> know_thyself(std::string gateway_id) {
  Self who{.gateway_id = std::move(gateway_id), .boot_id = {}, .process = {}, .identity = {}};
  auto boot = os::boot_id();
  if (!boot) return forward(boot);
  auto process = os::PidFd::open(::getpid());
  if (!process) return forward(process);
  who.boot_id = boot->view();
  who.identity = identify(*process);
  who.process = *std::move(process);
  if (who.identity.start_ticks == 0) {
    auto stat = os::read_stat(::getpid());
    if (!stat) return forward(stat);
    return fail(Errc::unproven, "custody", "its own start time is not to be read");
  }
  return who;
}

}  // namespace

Result<std::unique_ptr<Custodian>> Custodian::open(asio::io_context& loop, CustodianOptions options) {
  if (::access(options.keeper.c_str(), X_OK) != 0) return sys_error("keeper", options.keeper.native());
  options.keeper = std::filesystem::absolute(options.keeper);
  if (kSwitchedOff != Mechanism::gateway_subreaper)
    if (auto done = os::become_subreaper(); !done) return forward(done);
  auto ledger = Ledger::open(options.state_dir / "ledger");
  if (!ledger) return forward(ledger);
  auto gateway_id = persistent_gateway_id(options.state_dir, ledger->owner());
  if (!gateway_id) return forward(gateway_id);
  auto who = know_thyself(*std::move(gateway_id));
  if (!who) return forward(who);
  Rungs rungs = find_rungs(who->gateway_id, options.keeper, options.allow_leaf);
  rungs.report.guarantee = guarantee_in_short(rungs.report.rung, runs_a_unit(os::own_pid()));
  log_rungs(rungs.report);
  log_limits(rungs.report.limits);
  auto made = caught("custody's worker", [&]() -> Result<CoreRef> {
    return std::make_shared<Core>(loop, std::move(options), *std::move(who), *std::move(ledger));
  });
  if (!made) {
    (void)clear_away(std::move(rungs.handed), rungs.leaf_parent);
    return forward(made);
  }
  const CoreRef core = *std::move(made);
  core->rungs = std::move(rungs);
  core->group.spawn("custody.sigchld", watch_stopped_keepers(core));
  return std::make_unique<CustodianImpl>(core);
}

}  // namespace holdfast::custody
