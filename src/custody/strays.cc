#include "custody/strays.h"

#include <unistd.h>

#include <csignal>

#include "base/mutant.h"
#include "custody/identity.h"
#include "os/descriptors.h"
#include "os/procfs.h"

namespace holdfast::custody {

namespace {

constexpr int kDeepest = 64;  // levels of descent in one pass; what lies deeper comes up to us
constexpr std::size_t kMostRemembered = 1024;

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  (void)os::for_each_child(pid, [&](pid_t child) { children.push_back(child); });
  return children;
}

ExitStatus status_of(const os::Waited& waited) { return {.code = waited.code, .signal = waited.signal}; }

}  // namespace

Strays::Strays(std::string gateway_id) : gateway_id_(std::move(gateway_id)) {
  const pid_t self = ::getpid();
  if (const auto stat = os::read_stat(self)) session_ = stat->session;
  for (const pid_t child : children_of(self)) foreign_.insert(child);
}

void Strays::look() {
  reap_withheld();
  find_new(::getpid());
}

void Strays::add_keeper(const std::string& tree, pid_t pid, os::PidFd watch) {
  keeper_pids_.insert(pid);
  keepers_.insert_or_assign(tree, Keeper{.pid = pid, .watch = std::move(watch), .status = {}});
}

void Strays::forget(const std::string& tree) {
  if (const auto it = keepers_.find(tree); it != keepers_.end()) {
    if (!reap_keeper(tree)) withheld_.insert(it->second.pid);
    keepers_.erase(it);
  }
  for (auto& [pid, stray] : strays_) stray.suspects.erase(tree);
}

std::optional<ExitStatus> Strays::reap_keeper(const std::string& tree) {
  const auto it = keepers_.find(tree);
  if (it == keepers_.end()) return std::nullopt;
  Keeper& keeper = it->second;
  if (keeper.status) return keeper.status;
  const auto waited = os::wait_child(keeper.pid);
  if (waited && waited->pid == 0) return std::nullopt;
  // ECHILD: somebody else in this program took the status. Dead it is all the same, by its pidfd.
  if (!waited && !keeper.watch.exited()) return std::nullopt;
  keeper.status = waited ? status_of(*waited) : ExitStatus{.code = -1};
  keeper_pids_.erase(keeper.pid);  // from now on the number may be anybody's
  return keeper.status;
}

// Whose it may be. A keeper that lived after the look cannot have lost it: its children go to it, not to us.
// One that ended since then is not asked again: it may have ended in good order.
std::set<std::string> Strays::suspects_of(pid_t pid) const {
  FixedString<224> tag;
  if (auto set = os::read_environ(pid, kTagVariable, tag); set && *set) {
    const auto slash = tag.view().find('/');
    if (slash != tag.view().npos && tag.view().substr(0, slash) == gateway_id_)
      if (std::string tree(tag.view().substr(slash + 1)); keepers_.contains(tree)) return {std::move(tree)};
  }
  std::set<std::string> suspects;
  for (const auto& [tree, keeper] : keepers_)
    if (keeper.status ? !keeper.status->success() : keeper.withheld) suspects.insert(tree);
  return suspects;
}

void Strays::reap_withheld() {
  std::erase_if(withheld_, [this](pid_t pid) {
    const auto waited = os::wait_child(pid);
    if (waited && waited->pid == 0) return false;
    keeper_pids_.erase(pid);
    return true;
  });
}

void Strays::find_new(pid_t self) {
  std::set<pid_t> foreign;
  std::vector<pid_t> newcomers;
  const auto shortages = os::descriptor_shortages();
  for (const pid_t child : children_of(self)) {
    if (is_keeper(child) || strays_.contains(child)) continue;
    const auto stat = os::read_stat(child);
    if (!stat || stat->ppid != self) continue;
    if (foreign_.contains(child) || stat->session == session_)
      foreign.insert(child);
    else
      newcomers.push_back(child);
  }
  if (!newcomers.empty())
    for (auto& [tree, keeper] : keepers_)
      if (!keeper.status && keeper.watch.exited()) keeper.withheld = !reap_keeper(tree);
  for (const pid_t pid : newcomers) {
    auto suspects = suspects_of(pid);
    if (!suspects.empty())
      strays_[pid].suspects = std::move(suspects);
    else if (os::descriptor_shortages() == shortages)  // its mark may not have been readable
      foreign.insert(pid);
  }
  if (os::descriptor_shortages() != shortages) return foreign_.merge(foreign);
  foreign_ = std::move(foreign);  // a number that left the list may come back as anybody
}

void Strays::kill_below(pid_t root) {
  std::vector<pid_t> level = children_of(root);
  for (int depth = 0; depth < kDeepest && !level.empty(); ++depth) {
    std::vector<pid_t> next;
    for (const pid_t pid : level) {
      const auto process = os::PidFd::open(pid);
      if (!process || process->exited() || !os::is_descendant(pid, root)) continue;
      (void)process->signal(SIGKILL);  // a refusal shows again when it comes up to us
      const auto children = children_of(pid);
      next.insert(next.end(), children.begin(), children.end());
    }
    level = std::move(next);
  }
}

Strays::Pass Strays::take_leader(Pass result, pid_t leader) {
  if (const auto it = reaped_.find(leader); it != reaped_.end()) {
    result.leader = it->second;
    reaped_.erase(it);
  }
  return result;
}

Strays::Pass Strays::pass(const std::string& tree, pid_t leader) {
  const pid_t self = ::getpid();
  Pass result;
  const auto reap = [&] {
    for (auto it = strays_.begin(); it != strays_.end();) {
      const auto waited = os::wait_child(it->first);
      if (waited && waited->pid == 0) {
        ++it;
        continue;
      }
      if (waited && reaped_.size() < kMostRemembered) reaped_[it->first] = status_of(*waited);
      it = strays_.erase(it);
    }
  };
  if (kSwitchedOff == Mechanism::strays) return result;
  reap_withheld();
  reap();  // before every walk: a chain of fork and exit would bury us in zombies
  find_new(self);
  if (strays_.empty()) return take_leader(result, leader);
  for (auto& [pid, stray] : strays_) {
    const auto process = os::PidFd::open(pid);  // ours and unreaped: the number cannot be another's
    if (!process || process->exited()) continue;
    const auto sent = process->signal(SIGKILL);
    stray.refused = !sent && sent.error().is_errno(EPERM);
    if (!stray.signalled && stray.suspects.contains(tree)) ++result.killed;
    stray.signalled = true;
    kill_below(pid);
  }
  reap();
  find_new(self);
  int refused = 0;
  for (const auto& [pid, stray] : strays_) {
    if (!stray.suspects.contains(tree)) continue;
    // Traced from outside it may be dead and yet not ours to reap: its pidfd decides.
    const auto process = os::PidFd::open(pid);
    if (process && process->exited()) continue;
    ++result.left;
    refused += stray.refused ? 1 : 0;
  }
  result.refused = result.left > 0 && refused == result.left;
  return take_leader(result, leader);
}

}  // namespace holdfast::custody
