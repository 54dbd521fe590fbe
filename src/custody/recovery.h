// What a start does about what an earlier gateway on the same state directory left. Blocks; worker thread.
#pragma once

#include <string>
#include <string_view>

#include "custody/custodian.h"
#include "custody/ledger.h"

namespace holdfast::custody::recovery {

struct Setting {
  const Ledger* ledger = nullptr;
  std::string gateway_id;
  std::string boot_id;
  std::string leaf_parent;  // where our leaves are now; entries name where theirs were
  milliseconds patience{5000};
};

// Stale leaves, then the ledger's entries; nothing that a living gateway owns, nothing that is not proven
// ours.
RecoveryReport recover(const Setting& setting);

// A gateway that lives and is not this process owns what it wrote, whatever the lock said.
bool owner_lives(const LedgerEntry& entry);

}  // namespace holdfast::custody::recovery
