// The reference model: what follows from the table of world.h, and what is demanded of the gateway by it.
#include <algorithm>

#include "world.h"

namespace holdfast::test {

using custody::TreeState;
using std::chrono::steady_clock;

World::Row* World::live_row(const std::string& server, const std::string& key) {
  for (Row& row : rows_)
    if (row.tree->name() == server && row.key == key && row.tree->state() != TreeState::gone) return &row;
  return nullptr;
}

std::string World::key_of(const Call& call) const {
  return call.server == "own" ? consumers_[call.consumer].id : std::string();
}

bool World::waits_for(const Call& call, const Row& row) const {
  return is_waiting(call) && call.server == row.tree->name() && (!row.key || key_of(call) == *row.key);
}

bool World::is_wanted(const Row& row) const {
  return !row.holders.empty() || std::ranges::any_of(calls_, [&](const Call& c) {
    return !c.cancelled && alive(c.consumer) && waits_for(c, row);
  });
}

int World::calls_on(const Row& row) const {
  return static_cast<int>(
      std::ranges::count_if(calls_, [&](const Call& c) { return c.on == row.tree.get() && !c.finished; }));
}

// The model's rule of what may be orphaned: what broke; what nobody holds or waits for, unless it is shared
// and ready; what was silent for the idle timeout; what did not get ready in time.
bool World::may_go(const Row& row) const {
  const auto now = steady_clock::now();
  if (row.broken) return true;
  if (!row.ready) return !is_wanted(row) || row.tree->asked + kConnect <= now;
  if (calls_on(row) == 0 && row.silent_since + kIdle <= now) return true;
  return row.tree->name() == "own" && !is_wanted(row);
}

// A start that nobody wanted for a moment is given up, whoever comes meanwhile.
void World::note_what_may_go() {
  std::set<Name> doomed;
  for (const auto& view : gateway_->instances()) {
    const Name name{view.server, view.key};
    const bool wanted = std::ranges::any_of(calls_, [&](const Call& c) {
      return is_waiting(c) && !c.cancelled && alive(c.consumer) && c.server == view.server &&
             key_of(c) == view.key;
    });
    if (view.id.empty() && (!wanted || doomed_.contains(name))) doomed.insert(name);
  }
  doomed_ = std::move(doomed);
  for (Row& row : rows_)
    if (row.tree->state() == TreeState::active && may_go(row)) row.let_go = true;
}

void World::require(bool holds, const std::string& what) {
  if (!holds && fault_.empty()) fault_ = what;
}

// At any moment, however little of the gateway has run since.
void World::check_always() {
  note_what_may_go();
  std::map<Name, int> living;
  for (const Row& row : rows_) {
    const auto state = row.tree->state();
    if (state == TreeState::gone) continue;
    if (row.key)
      require(++living[{row.tree->name(), *row.key}] == 1, "two living instances of one (server, key)");
    require(state == TreeState::active || row.let_go,
            row.tree->id() + " of " + row.tree->name() + " was in use and was let go of");
  }
  for (const auto& view : gateway_->instances())
    if (view.id.empty())
      require(!living.contains({view.server, view.key}), "a start before the old instance was proven gone");
}

void World::check_quiet() {
  const auto views = gateway_->instances();
  for (Row& row : rows_) {
    if (row.tree->state() != TreeState::active) {
      row.holders.clear();
      row.perhaps.clear();
      continue;
    }
    if (row.broken) row.broken_at = std::min(row.broken_at, steady_clock::now());
    if (row.greeted && !std::exchange(row.ready, true)) row.silent_since_at_most = steady_clock::now();
    check_row(row);
    const auto view = std::ranges::find(views, row.tree->id(), &gateway::InstanceView::id);
    require(view != views.end(), "an active tree that is nobody's instance");
    if (view != views.end()) check_view(row, *view);
    row.let_go = false;
  }
  for (Call& call : calls_)
    if (!call.finished) check_waiter(call);
}

void World::check_row(const Row& row) {
  const auto now = steady_clock::now();
  const bool wanted = is_wanted(row) || !row.perhaps.empty() ||
                      std::ranges::any_of(calls_, [&](const Call& c) { return waits_for(c, row); });
  const std::string who = row.tree->id() + " of " + row.tree->name();
  require(!row.broken || now < row.broken_at + kLastWords, who + " is broken and still active");
  require(wanted || (row.tree->name() == "one" && row.greeted), who + " is held by nobody and still active");
  require(!row.greeted || calls_on(row) > 0 || now < row.silent_since_at_most + kIdle,
          who + " is idle for too long");
}

void World::check_view(const Row& row, const gateway::InstanceView& view) {
  std::set<std::string> shown, table, perhaps;
  for (const auto& holder : view.leases) shown.insert(holder.session);
  for (const auto consumer : row.holders) table.insert(consumers_[consumer].id);
  perhaps = table;
  for (const auto consumer : row.perhaps) perhaps.insert(consumers_[consumer].id);
  for (const Call& call : calls_)
    if (waits_for(call, row)) perhaps.insert(consumers_[call.consumer].id);
  require(std::ranges::includes(shown, table),
          row.tree->id() + ": a lease of the table that the gateway has not");
  require(std::ranges::includes(perhaps, shown),
          row.tree->id() + ": a lease of the gateway's that nobody has");
  require(view.calls_in_flight == calls_on(row), row.tree->id() + ": calls in flight that are none");
}

// Nobody waits beyond a deadline, nor for nothing.
void World::check_waiter(Call& call) {
  const auto now = steady_clock::now();
  if (call.quiet_since == SteadyTime::max()) call.quiet_since = now;
  require(now < call.quiet_since + (is_waiting(call) ? kConnect : kCall), "a wait without an end");
  if (!is_waiting(call)) return;
  const auto living = rows([&](const Row& row) {
    return row.tree->name() == call.server && row.tree->state() != TreeState::gone;
  });
  const bool starting =
      std::ranges::any_of(custodian_.starts, [&](const auto* s) { return s->name == call.server; });
  require(!living.empty() || starting || failures_[call.server] > 0, "a wait for nothing");
}

}  // namespace holdfast::test
