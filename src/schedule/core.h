// The scheduler behind schedule/scheduler.h, with its clock in the open for tests.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <map>
#include <set>

#include "schedule/planner.h"
#include "schedule/runner.h"
#include "schedule/scheduler.h"
#include "store/history.h"

namespace holdfast::schedule {

// What makes a job's schedule, for the history: a change moves its cursor. Whether it is planned at all is
// part of it, so that nothing was missed while it was not.
std::string spec_text(const config::Job& job);

class Core final : public Scheduler {
 public:
  Core(asio::io_context& loop, gateway::Gateway& gateway, custody::Custodian& custodian,
       store::History& history, const config::Config& config, SchedulerOptions options);
  ~Core() override;

  // start() without the timer, at `now`.
  asio::awaitable<Result<void>> prepare(SystemTime now);
  // What the timer does when it wakes at `now`: claims what is due and sees to it in a tick of its own.
  void wake(SystemTime now);

  asio::awaitable<Result<void>> start() override;
  [[nodiscard]] std::vector<JobView> jobs() const override;
  [[nodiscard]] std::optional<JobView> job(std::string_view name) const override;
  asio::awaitable<Result<std::string>> run_now(std::string_view job) override;
  Result<int> cancel(std::string_view job, std::string_view run) override;
  asio::awaitable<Result<std::vector<RunView>>> history(std::string_view job, int limit) override;
  asio::awaitable<Result<RunView>> run(std::string_view job, std::string_view run) override;
  asio::awaitable<Result<RunView>> wait(std::string_view run,
                                        std::chrono::steady_clock::time_point deadline) override;
  asio::awaitable<Result<void>> reload(config::Config config) override;
  asio::awaitable<Result<void>> reload_at(config::Config config, SystemTime now);
  void on_tick(std::function<void(const TickReport&)> listener) override { on_tick_ = std::move(listener); }
  asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline) override;

 private:
  struct Job {
    config::Job spec;
    std::string blocked;  // why it is not planned; empty: it is
    std::int64_t id = 0;
    std::optional<std::size_t> planned;  // its index in the planner
    int open = 0;                        // queued and running
    int running = 0;
    // Of runs that are over; each counts as one in flight as long as it lives.
    std::vector<std::shared_ptr<custody::Tree>> unkillable;
    // Instants that the planner has passed and that no claim has been tried for since the last one failed.
    struct Owed {
      Planner::Instants instants;
      std::string reason;
    } owed;
    std::optional<SystemTime> last;
    std::string last_state, last_reason;
    bool removed = false;  // by a reload: shown while a run of it is open
  };
  struct Run {
    explicit Run(const asio::any_io_executor& executor) : news(executor), over(executor) {}
    Job* job = nullptr;
    config::Job spec;  // as it was when the run was made
    RunView view;
    Event news;  // the action ended, or a cancel was asked for
    Event over;  // recorded, session released
    bool cancel_asked = false;
    std::optional<Outcome> outcome;
    std::unique_ptr<gateway::Session> session;
  };
  using RunPtr = std::shared_ptr<Run>;
  struct Claim {
    store::ClaimRequest request;
    RunPtr run;  // nullptr: an outcome of its own
  };

  // What the entry says, without the plan (reload.cc).
  static void adopt(Job& job, const std::string& name, const config::Job& spec);
  // What the history knows of it, as after the run that ended last.
  static void remember(Job& job, const store::JobRow& row);
  // Its schedules from `from` on, or none if it is blocked.
  void plan_anew(Job& job, SystemTime from);
  void remove(Job& job);
  void forget_removed();
  asio::awaitable<Result<void>> between_claims(std::chrono::steady_clock::time_point patience);

  RunPtr make_run(Job& job, SystemTime at, std::string trigger);
  Result<asio::posix::stream_descriptor> open_timer();
  asio::awaitable<void> timer_loop(asio::posix::stream_descriptor timer);
  void arm();
  void end_claiming();
  asio::awaitable<void> tick(SystemTime now, std::vector<Planner::Popped> due);
  asio::awaitable<std::vector<RunPtr>> claim(SystemTime now, std::vector<Planner::Popped> due,
                                             TickReport& report);
  // One row for all of them.
  static store::ClaimRequest missed(const Job& job, const Planner::Instants& instants, std::string why);
  std::vector<Claim> plan(const std::vector<Planner::Popped>& due, TickReport& report);
  // Claimed, and not to run any more: the gateway is shutting down.
  asio::awaitable<void> withdraw(const RunPtr& run);
  asio::awaitable<bool> join(const std::vector<RunPtr>& runs, TickReport& report);
  // What is not on disk, or not known to be, is kept until it is.
  asio::awaitable<Result<void>> settle(SystemTime now);
  void not_claimed(std::vector<Claim> claims, const Error& error);
  void owe(const Planner::Popped& popped, const Error& error);
  [[nodiscard]] bool owes() const;
  // Why no further run of it may start now; nullopt: one may.
  std::optional<std::string> full(Job& job) const;
  void enqueue(const RunPtr& run);
  void dispatch();
  asio::awaitable<void> supervise(RunPtr run);
  asio::awaitable<void> act(RunPtr run, std::shared_ptr<RunLog> log);
  asio::awaitable<void> note_start(const RunPtr& run);
  asio::awaitable<void> perform(const RunPtr& run);
  asio::awaitable<void> finish(const RunPtr& run);
  // How a run ended: on disk, or kept here, within a bound, until it can be.
  asio::awaitable<void> record(const RunPtr& run);
  asio::awaitable<Result<void>> write(const Run& run);
  asio::awaitable<void> write_kept();
  void keep(const RunPtr& run, const Error& error);
  // What is known of it here where the disk may lag behind, otherwise what the disk says.
  [[nodiscard]] RunView truth(const store::RunRow& row) const;
  [[nodiscard]] JobView view_of(const Job& job) const;
  // nullptr: there is none, or it was removed and no run of it is open.
  template <class Self>
  [[nodiscard]] auto* find(this Self& self, std::string_view name) {
    const auto found = self.jobs_.find(name);
    const bool there = found != self.jobs_.end() && (!found->second.removed || found->second.open > 0);
    return there ? &found->second : nullptr;
  }

  asio::io_context& loop_;
  gateway::Gateway& gateway_;
  custody::Custodian& custodian_;
  store::History& history_;
  std::shared_ptr<Worker> log_disk_ = std::make_shared<Worker>();
  SchedulerOptions options_;
  std::map<std::string, Job, std::less<>> jobs_;
  std::vector<Job*> planned_;  // by index in the planner; nullptr: free
  Planner planner_;
  std::deque<RunPtr> waiting_;
  std::map<std::string, RunPtr, std::less<>> open_;
  int busy_ = 0;
  bool stopping_ = false;
  // One claim of a tick at a time: what falls due meanwhile stays in the planner, so that a cursor never
  // passes an instant whose claim is still open.
  bool claiming_ = false;
  Event claimed_;                               // set and cleared when it is over
  std::vector<store::ClaimRequest> unsettled_;  // the claim that failed, to be put again as outcomes
  std::deque<RunPtr> unwritten_;                // over, and not on disk yet; the oldest first
  int timer_fd_ = -1;
  std::function<void(const TickReport&)> on_tick_;
  TaskGroup runs_, ticks_, timer_;
};

}  // namespace holdfast::schedule
