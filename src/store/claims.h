// Claiming occurrences: whoever inserts the row owns it, and it is on disk before anything starts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wall_clock.h"
#include "store/database.h"

namespace holdfast::store {

struct ClaimRequest {
  std::int64_t job_id = 0;
  SystemTime at{};
  std::string trigger = "schedule";  // "manual:ID" for a run now; part of the key
  std::string state = "queued";      // or an outcome of its own: "skipped-overlap", "missed"
  std::string reason{};
  int count = 1;                      // how many instants this row stands for
  std::optional<SystemTime> until{};  // the last of them
  // Set for a claim that will run. With an outcome of its own instead: the run of an earlier claim that was
  // not answered, and of which nobody knows whether it is on disk.
  std::string run_id{}, log_path{};
};

// All in one transaction, on the connection whose commits survive a power cut; cursors move along. For each
// request: true, it is ours; false, somebody has it already and it must not run. On an error none is ours,
// and the same batch may be put again: a run that is on disk after all gets the outcome, if it is still
// queued.
Result<std::vector<bool>> claim_batch(Database& database, const std::string& owner, SystemTime now,
                                      const std::vector<ClaimRequest>& requests);

std::int64_t to_us(SystemTime time);
SystemTime from_us(std::int64_t us);

}  // namespace holdfast::store
