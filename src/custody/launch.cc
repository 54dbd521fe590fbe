#include "custody/launch.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <vector>

#include "base/mutant.h"
#include "custody/delegation.h"
#include "custody/keeper_protocol.h"
#include "custody/places.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/spawn.h"

namespace holdfast::custody {

namespace {

struct Pipes {
  std::pair<UniqueFd, UniqueFd> in, out, err;  // {read, write}
};

Result<Pipes> make_pipes(bool reads_nothing) {
  Pipes pipes;
  for (auto* pipe : {&pipes.in, &pipes.out, &pipes.err}) {
    auto made = os::pipe_pair();
    if (!made) return forward(made);
    *pipe = *std::move(made);
  }
  // The server's ends stay blocking: it is an ordinary program.
  for (const int ours : {pipes.in.second.get(), pipes.out.first.get(), pipes.err.first.get()})
    if (auto set = os::set_nonblocking(ours); !set) return forward(set);
  if (reads_nothing) {
    auto null = os::open_null();
    if (!null) return forward(null);
    pipes.in = {*std::move(null), UniqueFd()};
  }
  return pipes;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (auto& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> keeper_arguments(const LaunchPlan& plan) {
  std::vector<std::string> argv{plan.keeper.native(),
                                "tree",
                                "--id",
                                plan.intent.id,
                                "--cwd",
                                plan.command.cwd.empty() ? "/" : plan.command.cwd,
                                "--lost",
                                std::to_string(plan.graces.lost.count()),
                                "--patience",
                                std::to_string(plan.intent.patience.count())};
  if (!plan.intent.leaf.empty()) {
    argv.emplace_back("--leaf");
    argv.emplace_back(plan.leaf_by_procs ? "procs" : "clone");
  }
  if (plan.pidns) {
    argv.emplace_back("--pidns");
    argv.emplace_back("yes");
  }
  for (const auto& [name, value] :
       {std::pair("--files", plan.own_limits.files), std::pair("--data", plan.own_limits.memory)}) {
    if (value == 0) continue;
    argv.emplace_back(name);
    argv.push_back(std::to_string(value));
  }
  argv.emplace_back("--");
  argv.push_back(plan.command.program);
  argv.insert(argv.end(), plan.command.arguments.begin(), plan.command.arguments.end());
  return argv;
}

std::vector<std::string> tagged_environment(const LaunchPlan& plan) {
  std::vector<std::string> environment;
  const std::string prefix = std::string(kTagVariable) + '=';
  for (const auto& line : plan.command.environment)
    if (!line.starts_with(prefix)) environment.push_back(line);
  environment.push_back(prefix + plan.intent.tag);
  return environment;
}

Result<Launched> launch_in(const LaunchPlan& plan, const os::CgroupLeaf& leaf) {
  Launched launched;
  if (leaf) {
    auto id = leaf.id();
    if (!id) return forward(id);
    launched.leaf_id = *id;
  }
  auto pipes = make_pipes(plan.command.reads_nothing);
  if (!pipes) return forward(pipes);
  auto lifeline = os::seqpacket_pair();
  if (!lifeline) return forward(lifeline);

  auto arguments = keeper_arguments(plan);
  auto environment = tagged_environment(plan);
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  const std::array fds{pipes->in.first.get(),  pipes->out.second.get(), pipes->err.second.get(),
                       lifeline->second.get(), plan.gateway_pidfd,      leaf.dir()};
  auto keeper = os::spawn({.path = plan.keeper.c_str(),
                           .argv = argv.data(),
                           .envp = envp.data(),
                           .fds = std::span(fds.data(), leaf ? fds.size() : fds.size() - 1),
                           .descriptors = plan.descriptors ? &*plan.descriptors : nullptr,
                           .parent_death_signal = SIGCONT});
  if (!keeper) return forward(keeper);
  launched.keeper = *std::move(keeper);
  launched.lifeline = std::move(lifeline->first);
  launched.in = std::move(pipes->in.second);
  launched.out = std::move(pipes->out.first);
  launched.err = std::move(pipes->err.first);
  return launched;
}

// The directory of our leaves, empty as it was, may have been tidied away: then it is made again, and held.
Result<os::CgroupLeaf> make_leaf(const std::filesystem::path& path, os::CgroupLeaf& held_again) {
  const std::string parent = path.parent_path();
  auto made = os::CgroupLeaf::create(parent, path.filename().native());
  if (made || !made.error().is_errno(ENOENT)) return made;
  auto held = hold(parent);
  if (!held) return held;
  held_again = *std::move(held);
  hand_on(parent);
  return os::CgroupLeaf::create(parent, path.filename().native());
}

}  // namespace

Result<Launched> launch(const LaunchPlan& plan, const Ledger& ledger, os::CgroupLeaf& held_again) {
  if (plan.command.program.empty()) return sys_error("", "no command", ENOENT);
  if (plan.command.program.contains('\0')) return sys_error("", "a command with a zero byte", EINVAL);
  if (kSwitchedOff != Mechanism::ledger_intent)
    if (auto written = ledger.write(plan.intent); !written) return forward(written);
  if (plan.intent.leaf.empty()) return launch_in(plan, {});
  auto leaf = make_leaf(plan.intent.leaf, held_again);
  if (!leaf) return forward(leaf);
  if (auto limited = limit_leaf(*leaf, plan.leaf_limits); !limited) return forward(limited);
  return launch_in(plan, *leaf);
}

Result<LedgerEntry> record_identity(LedgerEntry entry, const Identity& keeper, pid_t leader,
                                    std::uint64_t leader_ticks, std::uint64_t leaf_id, const Ledger& ledger) {
  entry.keeper = keeper;
  entry.leader = {.pid = leader, .start_ticks = leader_ticks};
  entry.session = leader;  // it was made the leader of a session before its exec
  entry.leaf_id = leaf_id;
  // Its keeper has not necessarily kept it unreaped, and within a tick its number may come back to anybody:
  // the handle is one of whoever descends from the keeper now that a pidfd holds them.
  const auto process = os::PidFd::open(leader);
  const bool known =
      process && (os::is_descendant(leader, keeper.pid) || kSwitchedOff == Mechanism::recorded_handle);
  if (known)
    if (const Identity now = identify(*process); now.start_ticks == leader_ticks)
      entry.leader.handle = now.handle;
  if (kSwitchedOff != Mechanism::ledger_identity)
    if (auto written = ledger.write(entry); !written) return forward(written);
  return entry;
}

Result<void> bury(const LedgerEntry& entry, const Ledger& ledger) {
  if (!entry.leaf.empty())
    if (auto removed = remove_emptied(entry.leaf); !removed) return removed;
  return ledger.remove(entry.id);
}

}  // namespace holdfast::custody
