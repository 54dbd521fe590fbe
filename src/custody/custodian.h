// The custodian: owns every tree, starts them under keepers, stops them by the ladder, proves them gone.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task_group.h"
#include "custody/enforcement.h"
#include "custody/tree.h"
#include "custody/types.h"
#include "os/descriptors.h"

namespace holdfast::custody {

struct CustodianOptions {
  std::filesystem::path state_dir;  // exists; the ledger is made below it
  std::filesystem::path keeper;     // holdfast-keeper
  bool pidns = false;               // every tree in a PID namespace of its own, as if each asked for it
  bool allow_leaf = true;           // false: rung tree even where the machine offers leaves (tests)
  std::optional<os::DescriptorLimit> descriptors =
      {};                           // for keepers and servers; none: as this process has it
  milliseconds patience{5000};      // how long SIGKILL may take before a tree is called unkillable
  milliseconds start_limit{20000};  // for finding and executing a program, from a slow disk too
};

struct RungReport {
  Rung rung = Rung::tree;      // tree or leaf: what a tree gets that asks for nothing
  std::string no_pidns = {};   // why no tree can have a PID namespace of its own; empty: it can
  std::string reason;          // why not a stronger one, or which leaf parent is used
  std::string spawn;           // "clone_into", "write_procs", "none"
  std::string identity;        // "handle", "start_ticks"
  std::string guarantee = {};  // guarantee_in_short() of where this custodian stands
  Enforcement limits = {};     // which limits hold, and by what
};

struct RecoveryReport {
  int leaves_removed = 0;               // stale leaves found by name, emptied and removed
  int trees_killed = 0;                 // ledger entries whose processes were verified as ours and ended
  int entries_dropped = 0;              // ledger entries with nothing left (or of another boot)
  std::vector<std::string> unverified;  // survivors that could not be proven ours: reported, never signalled
};

struct SweepReport {
  int examined = 0;
  std::vector<std::string>
      reaped;  // tree ids proven gone by this sweep (or, in a dry run, that would be reaped)
  std::vector<std::string> unkillable;
};

// One per state directory (the daemon holds the lock). All calls on the loop thread.
class Custodian {
 public:
  // Makes this process a subreaper, finds the rung, logs it in one line. Starts nothing.
  static Result<std::unique_ptr<Custodian>> open(asio::io_context& loop, CustodianOptions options);
  virtual ~Custodian() = default;

  [[nodiscard]] virtual const RungReport& rung() const = 0;
  [[nodiscard]] virtual const std::string& gateway_id() const = 0;

  // What an earlier gateway on this state directory left. Before the first start(), after the lock.
  virtual asio::awaitable<RecoveryReport> recover() = 0;

  // Ledger, leaf, keeper, server, in this order. An exec that fails is an error with errno and path, at once;
  // on any error nothing is left. Errc::closed once shutdown() was called.
  virtual asio::awaitable<Result<std::shared_ptr<Tree>>> start(TreeSpec spec) = 0;

  // Runs the stop ladder for one tree whatever its state, and waits for the proof (bounded by the graces and
  // patience). Idempotent: a second caller waits for the same ladder. False: unkillable, reported and
  // quarantined.
  virtual asio::awaitable<bool> stop(std::shared_ptr<Tree> tree, std::string reason) = 0;

  // Reaps every orphaned tree, all ladders in parallel, and waits for the stops that are under way. Never
  // touches another state (I3).
  virtual asio::awaitable<SweepReport> sweep() = 0;
  [[nodiscard]] virtual SweepReport sweep_dry_run() const = 0;

  // The final path, the only one that includes active trees: refuses new starts, stops everything, waits.
  virtual asio::awaitable<SweepReport> shutdown() = 0;

  [[nodiscard]] virtual std::vector<std::shared_ptr<Tree>> trees() const = 0;  // not yet gone, oldest first
  [[nodiscard]] virtual milliseconds longest_graces() const = 0;  // of the trees that are not yet gone
  struct Totals {
    std::int64_t started = 0;
    std::int64_t reaped = 0;  // proven gone, for whatever reason
    std::int64_t sweeps = 0;
  };
  [[nodiscard]] virtual Totals totals() const = 0;
};

}  // namespace holdfast::custody
