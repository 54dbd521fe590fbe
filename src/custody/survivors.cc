#include "custody/survivors.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <thread>
#include <unordered_map>

#include "base/mutant.h"
#include "custody/identity.h"
#include "os/descriptors.h"
#include "os/pidfd.h"
#include "os/procfs.h"

namespace holdfast::custody::recovery {

namespace {

using std::chrono::steady_clock;
constexpr milliseconds kShortPause{2};
constexpr milliseconds kLongPause{50};
constexpr milliseconds kExec{300};
constexpr int kDeepest = 64;

bool is_self_or_ancestor(pid_t pid) { return pid == ::getpid() || os::is_descendant(::getpid(), pid); }

std::string tag_of(pid_t pid) {
  FixedString<224> tag;
  const auto set = os::read_environ(pid, kTagVariable, tag);
  return set && *set ? std::string(tag.view()) : std::string();
}

// One look at all of /proc, whatever the number of entries. It only nominates: each nominee is held and then
// judged by what is read afterwards.
struct Snapshot {
  struct Row {
    pid_t parent = 0, session = 0;
    std::string tag;
  };
  std::unordered_map<pid_t, Row> rows;

  Snapshot() {
    (void)os::for_each_process([this](pid_t pid) {
      const auto stat = os::read_stat(pid);
      if (pid > 1 && stat && stat->state != 'I')
        rows.emplace(pid, Row{.parent = stat->ppid, .session = stat->session, .tag = tag_of(pid)});
    });
  }
  // Of the leaders in `index`, the one that `pid` is or descends from.
  [[nodiscard]] const std::size_t* leader_above(pid_t pid, const std::map<pid_t, std::size_t>& index) const {
    for (int depth = 0; depth < kDeepest && pid > 1; ++depth) {
      if (const auto it = index.find(pid); it != index.end()) return &it->second;
      const auto row = rows.find(pid);
      if (row == rows.end()) return nullptr;
      pid = row->second.parent;
    }
    return nullptr;
  }
};

Suspect look_at(pid_t pid, const LedgerEntry& entry, const Found& leader) {
  Suspect suspect;
  const pid_t number = leader.process.pid();
  const bool below = leader.verdict == Verdict::ours && os::is_descendant(pid, number);
  const auto stat = os::read_stat(pid);
  suspect.in_session = stat && entry.session > 1 && stat->session == entry.session &&
                       stat->start_ticks >= entry.leader.start_ticks;
  // Asked last: until then the number was its own, and so were its session and its children. It may have
  // died since it was found.
  const bool lives = kSwitchedOff == Mechanism::leader_lives || !leader.process.exited();
  const bool leads = leader.verdict == Verdict::ours && lives;
  suspect.leader_verified = leads && pid == number;
  suspect.below_leader = leads && below;
  suspect.leader_holds_session = leads;
  suspect.tagged = tag_of(pid) == entry.tag;
  suspect.ancestor_of_us = is_self_or_ancestor(pid);
  return suspect;
}

class Hunt {
 public:
  explicit Hunt(const std::vector<LedgerEntry>& entries) : entries_(entries), outcomes_(entries.size()) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      by_tag_[entries[i].tag] = i;
      if (entries[i].session > 1) by_session_[entries[i].session] = i;
      if (entries[i].leader.pid > 1) by_leader_[entries[i].leader.pid] = i;
    }
  }
  // One SIGKILL to each that is proven ours. False: there was none, as far as all could be seen.
  bool pass() {
    const auto shortages = os::descriptor_shortages();
    for (auto& outcome : outcomes_) outcome.gone = true, outcome.unprovable.clear();
    leaders_.clear();
    std::vector<os::PidFd> ours;
    const Snapshot snapshot;
    for (const auto& [pid, row] : snapshot.rows)
      for (const std::size_t i : nominated_by(snapshot, pid, row)) judge_one(pid, i, ours);
    for (const auto& process : ours) (void)process.signal(SIGKILL);
    // What has come to us meanwhile is ours to reap; held, so the number is its own.
    for (const auto& process : ours) (void)os::wait_child(process.pid());
    const bool blind = os::descriptor_shortages() != shortages;
    for (auto& outcome : outcomes_) outcome.blind = blind;
    return !ours.empty() || blind;
  }
  std::vector<Outcome> outcomes() && { return std::move(outcomes_); }

 private:
  std::set<std::size_t> nominated_by(const Snapshot& snapshot, pid_t pid, const Snapshot::Row& row) const {
    std::set<std::size_t> entries;
    if (const auto it = by_tag_.find(row.tag); it != by_tag_.end()) entries.insert(it->second);
    if (const auto it = by_session_.find(row.session); it != by_session_.end()) entries.insert(it->second);
    if (const auto* above = snapshot.leader_above(pid, by_leader_)) entries.insert(*above);
    return entries;
  }
  const Found& leader_of(std::size_t i) {
    auto it = leaders_.find(i);
    if (it == leaders_.end())
      it = leaders_.emplace(i, find(entries_[i].leader, entries_[i].uid, {.tag = entries_[i].tag})).first;
    return it->second;
  }
  void judge_one(pid_t pid, std::size_t i, std::vector<os::PidFd>& ours) {
    auto process = os::PidFd::open(pid);
    if (!process || process->exited()) return;
    const Found& leader = leader_of(i);
    Act act = decide(look_at(pid, entries_[i], leader));
    if (act == Act::ignore && pid == entries_[i].leader.pid && leader.verdict == Verdict::unprovable)
      act = Act::report;
    if (process->exited()) return;  // what was read may be another's
    if (act == Act::report) outcomes_[i].unprovable.push_back(pid);
    if (act != Act::kill) return;
    outcomes_[i].any = true;
    outcomes_[i].gone = false;
    ours.push_back(*std::move(process));
  }

  const std::vector<LedgerEntry>& entries_;
  std::vector<Outcome> outcomes_;
  std::unordered_map<std::string, std::size_t> by_tag_;
  std::unordered_map<pid_t, std::size_t> by_session_;
  std::map<pid_t, std::size_t> by_leader_;
  std::map<std::size_t, Found> leaders_;  // of this pass
};

}  // namespace

Act decide(const Suspect& suspect) {
  const bool proven = suspect.leader_verified || suspect.below_leader || suspect.tagged ||
                      (suspect.in_session && suspect.leader_holds_session);
  if (suspect.ancestor_of_us) return proven ? Act::report : Act::ignore;
  if (proven) return Act::kill;
  return suspect.in_session ? Act::report : Act::ignore;
}

std::vector<Outcome> end_survivors(const std::vector<LedgerEntry>& entries, milliseconds patience) {
  if (entries.empty()) return {};
  Hunt hunt(entries);
  const auto begin = steady_clock::now();
  // A server whose keeper was killed between clone and exec lives on, and shows its tag only from its exec on
  // (the keeper's memory is not to be read): where there is but an intent, one look is not enough.
  const bool unidentified = !std::ranges::all_of(entries, &LedgerEntry::identified);
  const auto settled = unidentified ? begin + kExec : begin;
  milliseconds pause = kShortPause;
  while ((hunt.pass() && steady_clock::now() < begin + patience) || steady_clock::now() < settled) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongPause);
  }
  return std::move(hunt).outcomes();
}

std::vector<pid_t> tagged_strangers(const std::string& gateway_id, const std::set<std::string>& known) {
  std::vector<pid_t> found;
  const std::string prefix = gateway_id + '/';
  for (const auto& [pid, row] : Snapshot().rows) {
    if (!row.tag.starts_with(prefix) || known.contains(row.tag.substr(prefix.size()))) continue;
    if (const auto process = os::PidFd::open(pid); process && !process->exited() && !is_self_or_ancestor(pid))
      found.push_back(pid);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace holdfast::custody::recovery
