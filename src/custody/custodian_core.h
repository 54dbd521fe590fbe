// What the custodian's coroutines share. Internal to custody: they hold it alive, the Custodian only ends it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/worker.h"
#include "custody/containers.h"
#include "custody/custodian.h"
#include "custody/ledger.h"
#include "custody/rungs.h"
#include "custody/strays.h"
#include "custody/tree_impl.h"
#include "os/descriptors.h"

namespace holdfast::custody {

struct Core;
using CoreRef = std::shared_ptr<Core>;
using TreeRef = std::shared_ptr<TreeImpl>;

// Who this gateway is: by this a later one tells what is ours from what is not.
struct Self {
  std::string gateway_id, boot_id;
  os::PidFd process;
  Identity identity;
};

struct Core : std::enable_shared_from_this<Core> {
  // Throws std::system_error or boost's where there is no thread or descriptor left for its own use.
  Core(asio::io_context& loop, CustodianOptions options, Self who, Ledger ledger);

  // From the point of no return on: the tree's ladder is driven to its end, by whoever it is first.
  void begin_stop(const TreeRef& tree, std::string reason);
  void bury(const TreeRef& tree);  // it is proven empty, and its leaf and entry are gone
  LedgerEntry intent_for(const TreeSpec& spec);

  const asio::any_io_executor executor;
  const CustodianOptions options;
  const std::string gateway_id;
  const std::string generation;
  const Ledger ledger;
  const os::PidFd self;
  const Identity identity;
  const std::string boot_id;
  Rungs rungs;
  std::vector<TreeRef> trees;  // oldest first
  Custodian::Totals totals;
  bool closing = false;  // shutdown() was called
  bool ended =
      false;  // the Custodian is gone: coroutines end where they are, keepers see our lifelines close
  LeftContainers left_containers;
  Strays strays;                   // worker thread only
  asio::signal_set child_signals;  // SIGCHLD
  os::DescriptorReserve reserve;   // for killing and proving; worker thread only
  // Its jobs get copies of what a tree is known by, taken on the loop: that writes an entry which a start has
  // just recorded whenever it comes to it.
  Worker worker;
  TaskGroup group;
};

// Coroutines of a tree's life (tend.cc).
asio::awaitable<void> run_start(CoreRef core, TreeRef tree, TreeSpec spec);
asio::awaitable<void> read_lifeline(CoreRef core, TreeRef tree);
asio::awaitable<void> tend(CoreRef core, TreeRef tree);  // from the keeper's birth to the proof
asio::awaitable<void> run_stop(CoreRef core, TreeRef tree, std::string reason);  // while its keeper lives
asio::awaitable<void> watch_stopped_keepers(CoreRef core);

// Waits for the end of a ladder that has begun. False: unkillable, or out of time.
asio::awaitable<bool> await_gone(CoreRef core, TreeRef tree);

}  // namespace holdfast::custody
