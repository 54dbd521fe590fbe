// The processes that a dead gateway's trees left outside of any leaf: found by identity, descent, session and
// tag, and ended where that proves them ours. Blocks; worker thread.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "custody/ledger.h"

namespace holdfast::custody::recovery {

// What speaks for one process belonging to one entry.
struct Suspect {
  bool leader_verified = false;       // it is the recorded leader, by its identity
  bool below_leader = false;          // it descends from the verified leader
  bool in_session = false;            // it is in the recorded session
  bool leader_holds_session = false;  // the verified leader lives: the session's number is no other's
  bool tagged = false;                // HOLDFAST_TREE names this gateway and this entry
  bool ancestor_of_us = false;        // or we ourselves
};
enum class Act { kill, report, ignore };
Act decide(const Suspect& suspect);

struct Outcome {
  bool any = false;               // some were proven ours
  bool gone = false;              // and none of them lives any more
  bool blind = false;             // we lacked descriptors: nothing was proven
  std::vector<pid_t> unprovable;  // could be its own, need not be: left alone
};
// One for each entry, in their order. All trees at once; `patience` bounds the whole.
std::vector<Outcome> end_survivors(const std::vector<LedgerEntry>& entries, milliseconds patience);

// Living processes that bear the tag of `gateway_id` and of a tree that is not among `known`.
std::vector<pid_t> tagged_strangers(const std::string& gateway_id, const std::set<std::string>& known);

}  // namespace holdfast::custody::recovery
