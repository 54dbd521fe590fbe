// How a tree comes to life.
#include <unistd.h>

#include "base/duration.h"
#include "base/ids.h"
#include "base/log.h"
#include "custody/custodian_core.h"
#include "custody/resolve.h"
#include "os/spawn.h"

namespace holdfast::custody {

namespace {

using std::chrono::steady_clock;

// What a start that failed is explained with: the command itself has gone to the worker by then.
struct Wanted {
  explicit Wanted(const Command& command)
      : program(command.program), cwd(command.cwd.empty() ? "/" : command.cwd), path(kDefaultPath) {
    for (const std::string& entry : command.environment)
      if (entry.starts_with("PATH=") && entry.size() > 5) path = entry.substr(5);
  }
  [[nodiscard]] bool searched() const { return !program.contains('/'); }
  // `before`, the PATH and ")": of a PATH that is too long for an Error its first whole entries.
  [[nodiscard]] std::string with_path(std::string before) const {
    constexpr std::string_view kMore = ":…";
    constexpr std::size_t kRoom = decltype(Error::subject)::capacity;
    const std::size_t used = before.size() + kMore.size() + 1;
    if (before.size() + path.size() + 1 <= kRoom) return before + path + ')';
    const auto end = used < kRoom ? path.rfind(':', kRoom - used) : path.npos;
    return before + (end == path.npos ? "…" : path.substr(0, end) + std::string(kMore)) + ')';
  }

  std::string program, cwd, path;
};

// The keeper tells where it failed as a number; what that means to people is known here.
Error why_not_born(const TreeImpl& tree, const Wanted& wanted) {
  Error error = *tree.start_error;
  error.subject = std::string_view(wanted.program);
  if (tree.failed_step == kStepDirectory) {
    error.op = "chdir";
    error.subject = std::string_view(wanted.cwd);
  } else if (tree.failed_step == kStepLookUp && wanted.searched()) {
    const bool there = !error.is_errno(ENOENT);
    error.subject = std::string_view(
        wanted.with_path(wanted.program + (there ? ": not executable" : ": not found") + " in PATH ("));
  } else if (const auto step = static_cast<os::SpawnStep>(tree.failed_step); os::of_namespace(step)) {
    error.op = os::to_string(step);  // that the program could not be run needs no word; this does
  }
  return error;
}

std::string why_silent(const CustodianOptions& options, const Wanted& wanted) {
  std::string text = wanted.program + ": no start within " + format_duration(options.start_limit) +
                     ": a file system does not answer (directory " + wanted.cwd;
  return wanted.searched() ? wanted.with_path(text + ", PATH ") : text + ")";
}

// What the caller of start() is told when the keeper did not bring the server up.
Error why_not_started(const Core& core, const TreeImpl& tree, const Wanted& wanted) {
  if (tree.start_error) return tree.failed_step >= 0 ? why_not_born(tree, wanted) : *tree.start_error;
  if (core.closing) return fail(Errc::closed, "start", tree.name()).error();
  if (tree.keeper_gone)
    return fail(Errc::unproven, "start", tree.name() + ": its keeper ended too early").error();
  if (tree.stop_asked) return fail(Errc::cancelled, "start", tree.name()).error();
  return fail(Errc::timeout, "start", why_silent(core.options, wanted)).error();
}

// The name for people, and enough chance that no leaf is ever made twice.
std::string random_tree_id(std::string_view name) {
  constexpr std::size_t kLongestName = 32;
  std::string id;
  for (const char c : name.substr(0, kLongestName)) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    id += upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
  }
  return id + (id.empty() ? "" : "-") + random_hex(5);
}

// The keeper reported the leader: into the ledger with it, then it may be lent.
asio::awaitable<bool> become_active(CoreRef core, TreeRef tree) {
  if (tree->poisoned && !core->rungs.leaf_by_procs) {
    core->rungs.leaf_by_procs = true;
    core->rungs.report.spawn = "write_procs";
    log_rungs(core->rungs.report);
  }
  // Copies: the loop may let go of the tree meanwhile, and the keeper's descriptor with it.
  auto recorded =
      co_await core->worker.run([core, entry = tree->entry, keeper = identify(tree->keeper),
                                 leader = tree->leader, ticks = tree->leader_ticks, leaf = tree->leaf_id] {
        return record_identity(entry, keeper, leader, ticks, leaf, core->ledger);
      });
  if (core->ended) co_return false;
  if (!recorded) {
    tree->start_error = recorded.error();
    co_return false;
  }
  tree->entry = *std::move(recorded);
  ++core->totals.started;
  tree->apply(TreeEvent::started, "started");
  log::info("tree.started", {{"tree", tree->id()},
                             {"name", tree->name()},
                             {"pid", tree->leader},
                             {"keeper", tree->keeper.pid()},
                             {"rung", to_string(tree->rung())}});
  co_return true;
}

void never_started(Core& core, const TreeRef& tree, const Error& why) {
  tree->start_error = why;
  tree->apply(TreeEvent::proven, "never started: " + why.message());
  std::erase(core.trees, tree);
  tree->settled.set();
  tree->started.set();
}

}  // namespace

LedgerEntry Core::intent_for(const TreeSpec& spec) {
  LedgerEntry intent;
  intent.id = random_tree_id(spec.name);
  intent.name = spec.name;
  intent.boot_id = boot_id;
  intent.gateway_id = gateway_id;
  intent.generation = generation;
  intent.gateway = identity;
  if (!rungs.leaf_parent.empty()) intent.leaf = rungs.leaf_parent + '/' + intent.id;
  intent.tag = gateway_id + '/' + intent.id;
  intent.uid = ::getuid();
  intent.lost = spec.graces.lost;
  intent.patience = options.patience;
  return intent;
}

asio::awaitable<void> run_start(CoreRef core, TreeRef tree, TreeSpec spec) {
  const Wanted wanted(spec.command);
  const auto containers = core->options.state_dir / "containers";
  tree->container = adopt_container(spec.command, tree->entry, containers);
  if (tree->container) {
    const auto free = co_await await_left_containers(core, tree->name());
    if (core->ended) co_return;
    if (!free) co_return never_started(*core, tree, free.error());
  }
  LaunchPlan plan{.command = std::move(spec.command),
                  .graces = tree->graces,
                  .intent = tree->entry,
                  .pidns = tree->pidns,
                  .leaf_by_procs = core->rungs.leaf_by_procs,
                  .keeper = core->options.keeper,
                  .gateway_pidfd = core->self.get(),
                  .descriptors = core->options.descriptors,
                  .leaf_limits = core->rungs.report.limits.of_leaf(spec.limits),
                  .own_limits = core->rungs.report.limits.of_process(spec.limits)};
  struct Outcome {
    os::CgroupLeaf held_again;
    Result<Launched> launched;
  };
  auto [held_again, launched] = co_await core->worker.run([core, containers, container = tree->container,
                                                           plan = std::move(plan)] {
    os::CgroupLeaf held;
    if (container)
      if (auto known = record(*container, containers); !known)
        return Outcome{std::move(held), forward(known)};
    core->strays.look();
    auto made = launch(plan, core->ledger, held);
    const os::DescriptorReserve::Lent lent(core->reserve);  // for what has to be done now, whatever we lack
    if (!made) {
      if (const auto buried = bury(plan.intent, core->ledger); !buried)  // no process was ever in it
        log::error("tree.bury", {{"tree", plan.intent.id}, {"error", buried.error().message()}});
      if (container) forget(*container, containers);
      return Outcome{std::move(held), std::move(made)};
    }
    auto watch = os::PidFd::open(made->keeper.pid());
    core->strays.add_keeper(plan.intent.id, made->keeper.pid(), watch ? *std::move(watch) : os::PidFd());
    return Outcome{std::move(held), std::move(made)};
  });
  if (held_again) core->rungs.hold = std::move(held_again);
  if (core->ended) co_return;  // the lifeline closes with `launched`, and the keeper knows what that means
  if (!launched) co_return never_started(*core, tree, launched.error());
  tree->adopt(*std::move(launched));
  core->group.spawn("tree.lifeline", read_lifeline(core, tree));
  core->group.spawn("tree.tend", tend(core, tree));
  co_await tree->spoke.wait_until(steady_clock::now() + core->options.start_limit);
  if (core->ended) co_return;
  bool active = false;
  if (tree->running) active = co_await become_active(core, tree);
  if (core->ended) co_return;
  if (active && !tree->stop_asked) {
    tree->started.set();  // from here on news of the tree change its state
    if (tree->leader_left) {
      tree->apply(TreeEvent::leader_left, "the server ended by itself");
      core->begin_stop(tree, tree->reason());
    }
    co_return;
  }
  const Error error = why_not_started(*core, *tree, wanted);
  tree->start_error = error;
  tree->apply(TreeEvent::stop, "not started: " + error.message());
  core->begin_stop(tree, tree->reason());
  co_await await_gone(core, tree);
  tree->started.set();
}

}  // namespace holdfast::custody
