// The scheduler: claims what is due, runs it on a bounded executor, joins the tick, then sweeps.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task_group.h"
#include "base/wall_clock.h"
#include "config/config.h"
#include "gateway/gateway.h"
#include "schedule/runner.h"

namespace holdfast::store {
class History;
}

namespace holdfast::schedule {

struct JobView {
  std::string name, schedule, timezone, action;  // action: "steps" | "command"
  bool enabled = true;
  int running = 0;
  std::optional<SystemTime> next, last;
  std::string last_state, last_reason;
};
// One run, newest state. `state` is one of docs/holdfast.1: ok failed timeout cancelled unknown interrupted
// skipped-overlap missed running claimed queued.
struct RunView {
  std::string id, job, state, reason, trigger, result;
  SystemTime scheduled_at;
  std::optional<SystemTime> started_at, ended_at;
  std::filesystem::path log;
};
// What a tick came to, after its join and its sweep.
struct TickReport {
  SystemTime at;
  std::vector<RunView> runs;
  custody::SweepReport sweep;
};

struct SchedulerOptions {
  int workers = 8;
  std::filesystem::path log_dir;
  GiveAccess access = {};  // for commands
};

// Loop thread only.
class Scheduler {
 public:
  static std::unique_ptr<Scheduler> create(asio::io_context& loop, gateway::Gateway& gateway,
                                           custody::Custodian& custodian, store::History& history,
                                           const config::Config& config, SchedulerOptions options);
  virtual ~Scheduler() = default;

  // Marks open rows of an earlier gateway as interrupted, then arms the timer.
  virtual asio::awaitable<Result<void>> start() = 0;

  [[nodiscard]] virtual std::vector<JobView> jobs() const = 0;
  [[nodiscard]] virtual std::optional<JobView> job(std::string_view name) const = 0;
  // Starts a run now (its own key, through the same slots, within the same bound of its overlap); the id.
  // Errors: not_found, refused, and those of the history.
  virtual asio::awaitable<Result<std::string>> run_now(std::string_view job) = 0;
  // Interrupts one run, or all running ones of the job if `run` is empty. How many. In the middle of a call.
  virtual Result<int> cancel(std::string_view job, std::string_view run) = 0;
  virtual asio::awaitable<Result<std::vector<RunView>>> history(std::string_view job, int limit) = 0;
  virtual asio::awaitable<Result<RunView>> run(std::string_view job,
                                               std::string_view run) = 0;  // run empty: the newest
  // Waits until the run has ended or the deadline; the run as it is then.
  virtual asio::awaitable<Result<RunView>> wait(std::string_view run,
                                                std::chrono::steady_clock::time_point deadline) = 0;

  // Puts the jobs of `config` in place of those before, and its number of workers. A job that did not change
  // keeps its next instant; runs under way go on as they began, those of a removed job too. An error (of the
  // history) changes nothing.
  virtual asio::awaitable<Result<void>> reload(config::Config config) = 0;

  virtual void on_tick(std::function<void(const TickReport&)> listener) = 0;

  // No new runs; waits for those in flight until the deadline, then cancels them and joins.
  virtual asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace holdfast::schedule
