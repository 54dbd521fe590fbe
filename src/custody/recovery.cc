#include "custody/recovery.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/mutant.h"
#include "custody/identity.h"
#include "custody/places.h"
#include "custody/survivors.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/procfs.h"

namespace holdfast::custody::recovery {

namespace {

using std::chrono::steady_clock;
constexpr milliseconds kShortPause{2};
constexpr milliseconds kLongPause{50};
constexpr milliseconds kMargin{500};  // over what a keeper needs by its own clock

void pause_for(milliseconds& pause) {
  std::this_thread::sleep_for(pause);
  pause = std::min(pause * 2, kLongPause);
}

// The dead generation's keepers see their lifelines closed and retire their trees: they get their time.
void await_keepers(const std::vector<LedgerEntry>& entries) {
  std::vector<os::PidFd> keepers;
  milliseconds longest{0};
  for (const auto& entry : entries) {
    auto found = find(entry.keeper, entry.uid, {.kept_tree = entry.id});
    if (found.verdict != Verdict::ours) continue;
    (void)found.process.signal(SIGCONT);  // a stopped one would sleep through it
    longest = std::max(longest, entry.lost + entry.patience + kMargin);
    keepers.push_back(std::move(found.process));
  }
  const auto deadline = steady_clock::now() + longest;
  for (milliseconds pause = kShortPause; !keepers.empty(); pause_for(pause)) {
    for (const auto& keeper : keepers)
      (void)os::wait_child(keeper.pid());  // of a gateway that was re-opened in place
    std::erase_if(keepers, [](const os::PidFd& keeper) { return keeper.exited(); });
    if (steady_clock::now() > deadline) break;
  }
  for (const auto& keeper : keepers) (void)keeper.signal(SIGKILL);
}

struct LeafFound {
  bool existed = false, populated = false;
  bool gone = true;
};

// `unlisted`: nothing but the leaf's name says that it is ours, and a copy of our state directory says the
// same. A keeper that lives holds the lock, for whichever gateway; what it holds is left alone.
LeafFound clear_leaf(const std::string& path, std::uint64_t id, steady_clock::time_point deadline,
                     bool unlisted = false) {
  LeafFound found;
  if (kSwitchedOff == Mechanism::stale_leaves) return found;
  const auto leaf = os::CgroupLeaf::open(path);
  if (!leaf) {
    found.gone = leaf.error().is_errno(ENOENT);
    return found;
  }
  if (const auto now = leaf->id(); id != 0 && (!now || *now != id)) return found;  // a stranger of that name
  found.existed = true;
  for (milliseconds pause = kShortPause;; pause_for(pause)) {
    const auto populated = leaf->populated();
    if (populated && !*populated) {
      const auto removed = os::remove_cgroup(path);  // busy for some ms after a kill
      if (removed || removed.error().is_errno(ENOENT)) return found;
    } else if (!unlisted || kSwitchedOff == Mechanism::leaf_lock || os::lock_descriptor(leaf->dir(), true)) {
      found.populated = true;
      (void)leaf->kill_pass();
    }
    if (steady_clock::now() >= deadline) break;
  }
  found.gone = false;
  return found;
}

void report_survivors(RecoveryReport& report, const LedgerEntry& entry, const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    report.unverified.push_back("pid " + std::to_string(pid) + " may be left of " + entry.name + " (" +
                                entry.id + ")");
    log::warn("recovery.unverified", {{"pid", pid}, {"tree", entry.id}, {"name", entry.name}});
  }
}

// By its name, before its recorded number is looked at: no path out of a file is followed anywhere else.
bool is_our_leaf(const LedgerEntry& entry) {
  const std::filesystem::path path(entry.leaf);
  return path.filename() == entry.id && path.parent_path().filename() == leaf_parent_name(entry.gateway_id);
}

void settle(RecoveryReport& report, const Setting& setting, const LedgerEntry& entry, const LeafFound& leaf,
            const Outcome& outcome) {
  report_survivors(report, entry, outcome.unprovable);
  if (outcome.blind) {
    report.unverified.push_back(entry.name + " (" + entry.id +
                                ") could not be looked for, out of descriptors; its entry stays");
    log::error("recovery.blind", {{"tree", entry.id}, {"name", entry.name}});
    return;
  }
  if (!leaf.gone || !outcome.gone) {
    report.unverified.push_back(entry.name + " (" + entry.id + ") does not die; its entry stays");
    log::error("recovery.unkillable", {{"tree", entry.id}, {"name", entry.name}});
    return;
  }
  report.leaves_removed += leaf.existed ? 1 : 0;
  ++(outcome.any || leaf.populated ? report.trees_killed : report.entries_dropped);
  (void)setting.ledger->remove(entry.id);
}

// Stale leaves first, then what lives outside of them, then what is to be said about it.
void end_all(RecoveryReport& report, const Setting& setting, const std::vector<LedgerEntry>& entries) {
  std::vector<LeafFound> leaves;
  leaves.reserve(entries.size());
  for (const auto& entry : entries)
    leaves.push_back(is_our_leaf(entry)
                         ? clear_leaf(entry.leaf, entry.leaf_id, steady_clock::now() + setting.patience)
                         : LeafFound{});
  const auto outcomes = end_survivors(entries, setting.patience);
  for (std::size_t i = 0; i < entries.size(); ++i)
    settle(report, setting, entries[i], leaves[i], outcomes[i]);
}

// Leaves that the ledger does not know: its entry was lost.
void clear_unlisted_leaves(RecoveryReport& report, const Setting& setting, const std::string& parent,
                           const std::set<std::string>& keep) {
  const auto names = os::list_cgroups(parent, "");
  if (!names) return;
  const auto deadline = steady_clock::now() + setting.patience;  // of all: another gateway's may be many
  for (const auto& name : *names) {
    const std::string path = parent + '/' + name;
    if (keep.contains(path)) continue;
    if (clear_leaf(path, 0, deadline, true).gone) {
      ++report.leaves_removed;
    } else {
      report.unverified.push_back("leaf " + path + " does not become empty, or a living keeper holds it");
      log::warn("recovery.unverified", {{"leaf", path}});
    }
  }
  if (parent != setting.leaf_parent && keep.empty()) (void)remove_places(parent);
}

// Where this gateway's leaves are or were: only directories that bear its id.
std::set<std::string> leaf_parents(const Setting& setting, const std::vector<LedgerEntry>& entries) {
  std::set<std::string> parents;
  if (!setting.leaf_parent.empty()) parents.insert(setting.leaf_parent);
  for (const auto& entry : entries) {
    const auto parent = std::filesystem::path(entry.leaf).parent_path();
    if (parent.filename() == leaf_parent_name(setting.gateway_id)) parents.insert(parent.native());
  }
  return parents;
}

}  // namespace

bool owner_lives(const LedgerEntry& entry) {
  if (entry.gateway.pid == ::getpid()) return false;
  return find(entry.gateway, entry.uid, {.tag = entry.tag}).verdict != Verdict::gone;
}

RecoveryReport recover(const Setting& setting) {
  RecoveryReport report;
  auto contents = setting.ledger->load();
  if (!contents) {
    report.unverified.push_back(contents.error().message());
    log::error("recovery.ledger", {{"error", contents.error().message()}});
    return report;
  }
  for (const auto& text : contents->garbage) {
    report.unverified.push_back("ledger entry set aside: " + text);
    log::warn("recovery.garbage", {{"entry", text}});
  }
  for (const auto& text : contents->unread) {
    report.unverified.push_back("ledger entry not read, it stays: " + text);
    log::error("recovery.unread", {{"entry", text}});
  }
  std::vector<LedgerEntry> stale;
  std::set<std::string> keep, known;
  for (auto& entry : contents->entries) {
    known.insert(entry.id);
    if (entry.boot_id != setting.boot_id) {
      ++report.entries_dropped;
      (void)setting.ledger->remove(entry.id);
    } else if (entry.gateway_id != setting.gateway_id || owner_lives(entry)) {
      report.unverified.push_back(entry.name + " (" + entry.id + ") belongs to another gateway");
      log::warn("recovery.unverified", {{"tree", entry.id}, {"reason", "belongs to another gateway"}});
      keep.insert(entry.leaf);
    } else {
      stale.push_back(std::move(entry));
    }
  }
  await_keepers(stale);
  end_all(report, setting, stale);
  // What does not die was reported just now, and its directory is still there.
  for (const auto& entry : stale)
    if (std::error_code ec; !entry.leaf.empty() && std::filesystem::exists(entry.leaf, ec))
      keep.insert(entry.leaf);
  for (const auto& parent : leaf_parents(setting, stale))
    clear_unlisted_leaves(report, setting, parent, keep);
  for (const pid_t pid : tagged_strangers(setting.gateway_id, known)) {
    report.unverified.push_back("pid " + std::to_string(pid) + " bears our tag, and no entry names its tree");
    log::warn("recovery.unverified", {{"pid", pid}});
  }
  log::info("recovery", {{"leaves_removed", report.leaves_removed},
                         {"trees_killed", report.trees_killed},
                         {"entries_dropped", report.entries_dropped},
                         {"unverified", report.unverified.size()}});
  return report;
}

}  // namespace holdfast::custody::recovery
