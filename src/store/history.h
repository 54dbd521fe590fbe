// Jobs, occurrences and runs on disk, for a loop: every call awaits the one thread that waits for the disk.
// Besides what the disk said, a call may fail with limit (too many wait) or timeout (no answer in a minute).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task_group.h"
#include "store/claims.h"

namespace holdfast::store {

struct JobSpec {
  // spec: whatever makes the job's schedule. A change sets its cursor to now; so does its coming back.
  std::string name, spec;
};
struct RunRow {
  std::string id, job, state, reason, trigger, result;
  SystemTime scheduled_at;
  std::optional<SystemTime> started_at, ended_at;
  std::optional<int> exit;
  std::string log_path;
  int count = 1;
};

struct JobRow {
  std::string name;
  std::int64_t id = 0;
  SystemTime cursor;             // every instant up to it has a recorded outcome
  std::optional<RunRow> last{};  // the run of it that ended last
};

struct Finish {
  std::string run_id, state, reason{}, result{};
  std::optional<SystemTime> started_at{};  // in case that start_run() could not write it
  SystemTime ended_at{};
  std::optional<int> exit{};
};

struct Retention {
  int runs = 100;
  std::chrono::days age{30};
};

// Loop thread only. `owner` names this gateway's life: rows that another owner left open were interrupted.
class History {
 public:
  static Result<std::unique_ptr<History>> open(const std::filesystem::path& file, std::string owner,
                                               Retention retention = {});
  virtual ~History() = default;

  // Makes or finds each job's row, in this order; what is not named any more is marked deleted.
  virtual asio::awaitable<Result<std::vector<JobRow>>> register_jobs(std::vector<JobSpec> jobs,
                                                                     SystemTime now) = 0;
  virtual asio::awaitable<Result<std::vector<bool>>> claim(std::vector<ClaimRequest> requests,
                                                           SystemTime now) = 0;
  virtual asio::awaitable<Result<void>> start_run(std::string run_id, SystemTime at) = 0;
  // Also drops what retention no longer keeps of that job, log files included. May be repeated after an
  // error. Errors: not_found, besides those of all.
  virtual asio::awaitable<Result<void>> finish_run(Finish finish) = 0;
  // Newest first. A row that never ran (missed, skipped-overlap) has the id "occurrence-N".
  virtual asio::awaitable<Result<std::vector<RunRow>>> list(std::string job, int limit) = 0;
  virtual asio::awaitable<Result<RunRow>> get(std::string run_id) = 0;  // Errc::not_found
  // How many rows of earlier owners were still open.
  virtual asio::awaitable<Result<int>> interrupt_open(SystemTime now) = 0;
};

}  // namespace holdfast::store
