// A wake of the timer: claim what is due, run it, join it, sweep. And what becomes of a claim that fails.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "os/timer.h"
#include "schedule/core.h"

namespace holdfast::schedule {

using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

constexpr auto kWriteAgain = std::chrono::seconds(10);

std::string reason_of(const Error& error) { return "its claim could not be written: " + error.message(); }

}  // namespace

Result<asio::posix::stream_descriptor> Core::open_timer() {
  auto fd = os::open_wall_timer();
  if (!fd) return forward(fd);
  asio::posix::stream_descriptor timer(loop_.get_executor());
  boost::system::error_code ec;
  timer.assign(fd->get(), ec);
  if (ec) return std::unexpected(Error{ec, "assign", "timerfd"});
  (void)fd->release();
  return timer;
}

asio::awaitable<void> Core::timer_loop(asio::posix::stream_descriptor timer) {
  timer_fd_ = timer.native_handle();
  while (!stopping_) {
    if (!claiming_) arm();  // otherwise the tick does when its claim is over
    boost::system::error_code ec;
    co_await timer.async_wait(asio::posix::stream_descriptor::wait_read,
                              asio::redirect_error(asio::use_awaitable, ec));
    if (ec) {
      if (!stopping_) log::error("scheduler.timer", {{"error", ec.message()}});
      break;
    }
    auto news = os::read_wall_timer(timer.native_handle());
    if (news && *news == os::TimerNews::clock_stepped) log::warn("scheduler.clock_stepped", {});
    wake(system_clock::now());
  }
  timer_fd_ = -1;
}

void Core::arm() {
  if (timer_fd_ < 0) return;
  // Far ahead when idle, so that a step of the clock is always noticed.
  const SystemTime now = system_clock::now();
  SystemTime at = planner_.earliest().value_or(now + std::chrono::days(365));
  if (owes()) at = std::min<SystemTime>(at, now + kWriteAgain);
  if (auto armed = os::arm_wall_timer(timer_fd_, at); !armed)
    log::error("scheduler.timer", {{"error", armed.error().message()}});
}

void Core::end_claiming() {
  claiming_ = false;
  arm();
  claimed_.set();
  claimed_.clear();
}

void Core::wake(SystemTime now) {
  if (stopping_ || claiming_) return;
  auto due = planner_.pop(now);
  if (due.empty() && !owes()) return;
  claiming_ = true;
  ticks_.spawn("scheduler.tick", tick(now, std::move(due)));
}

asio::awaitable<void> Core::tick(SystemTime now, std::vector<Planner::Popped> due) {
  TickReport report;
  report.at = now;
  const bool any_due = !due.empty();
  const std::vector<RunPtr> runs = co_await claim(now, std::move(due), report);
  end_claiming();
  if (!any_due || !co_await join(runs, report)) co_return;
  report.sweep = co_await custodian_.sweep();
  log::info("tick.done", {{"runs", report.runs.size()}, {"reaped", report.sweep.reaped.size()}});
  if (on_tick_) on_tick_(report);
}

// The runs that are ours and have been given to the executor.
asio::awaitable<std::vector<Core::RunPtr>> Core::claim(SystemTime now, std::vector<Planner::Popped> due,
                                                       TickReport& report) {
  std::vector<RunPtr> runs;
  co_await write_kept();
  if (auto settled = co_await settle(now); !settled) {
    for (const Planner::Popped& popped : due) owe(popped, settled.error());
    co_return runs;
  }
  std::vector<Claim> claims = plan(due, report);
  std::vector<store::ClaimRequest> requests;
  requests.reserve(claims.size());
  for (const Claim& claim : claims) requests.push_back(claim.request);
  if (requests.empty()) co_return runs;
  auto claimed = co_await history_.claim(std::move(requests), now);
  if (!claimed) {
    not_claimed(std::move(claims), claimed.error());
    co_return runs;
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const RunPtr& run = claims[i].run;
    if (!run) continue;
    const bool ours = (*claimed)[i];
    if (ours && !stopping_) {
      enqueue(run);
      runs.push_back(run);
      continue;
    }
    if (ours)
      co_await withdraw(run);
    else
      --run->job->open;
  }
  co_return runs;
}

asio::awaitable<void> Core::withdraw(const RunPtr& run) {
  --run->job->open;
  run->view.state = "cancelled";
  run->view.reason = "the gateway is shutting down";
  run->view.ended_at = system_clock::now();
  co_await record(run);
}

store::ClaimRequest Core::missed(const Job& job, const Planner::Instants& instants, std::string why) {
  if (instants.more) why += " (more than " + std::to_string(instants.count) + " instants)";
  return {.job_id = job.id,
          .at = instants.first,
          .state = "missed",
          .reason = std::move(why),
          .count = instants.count,
          .until = instants.last};
}

std::vector<Core::Claim> Core::plan(const std::vector<Planner::Popped>& due, TickReport& report) {
  std::vector<Claim> claims;
  const auto record = [&claims](store::ClaimRequest request) {
    claims.push_back({.request = std::move(request), .run = nullptr});
  };
  for (auto& [name, job] : jobs_) {
    if (job.owed.instants.count > 0) record(missed(job, job.owed.instants, job.owed.reason));
    job.owed = {};
  }
  for (const Planner::Popped& popped : due) {
    Job& job = *planned_[popped.due.job];
    if (popped.missed.count > 0) record(missed(job, popped.missed, "jumped over by a late wake"));
    if (auto reason = full(job)) {
      record(
          {.job_id = job.id, .at = popped.due.at, .state = "skipped-overlap", .reason = std::move(*reason)});
      RunView skipped;
      skipped.job = job.spec.name;
      skipped.state = "skipped-overlap";
      skipped.scheduled_at = popped.due.at;
      report.runs.push_back(std::move(skipped));
      continue;
    }
    RunPtr run = make_run(job, popped.due.at, "schedule");
    claims.push_back({.request = {.job_id = job.id,
                                  .at = popped.due.at,
                                  .run_id = run->view.id,
                                  .log_path = run->view.log.native()},
                      .run = run});
  }
  return claims;
}

// False: cancelled before all were over.
asio::awaitable<bool> Core::join(const std::vector<RunPtr>& runs, TickReport& report) {
  for (const RunPtr& run : runs) {
    while (!run->over.is_set()) {
      (void)co_await run->over.wait_until(steady_clock::now() + std::chrono::hours(1));
      if (co_await is_cancelled()) co_return false;
    }
    report.runs.push_back(run->view);
  }
  co_return true;
}

// A claim that failed is put again as outcomes, whether it is on disk or not; nothing else is claimed before
// that has been answered.
asio::awaitable<Result<void>> Core::settle(SystemTime now) {
  if (unsettled_.empty()) co_return Result<void>{};
  const auto put = static_cast<std::ptrdiff_t>(unsettled_.size());  // a run now may add to them meanwhile
  auto settled = co_await history_.claim(unsettled_, now);
  if (!settled) {
    log::error("job.not_settled", {{"claims", put}, {"error", settled.error().message()}});
    co_return forward(settled);
  }
  log::info("job.settled", {{"claims", put}});
  unsettled_.erase(unsettled_.begin(), unsettled_.begin() + put);
  co_return Result<void>{};
}

void Core::not_claimed(std::vector<Claim> claims, const Error& error) {
  log::error("job.not_claimed", {{"claims", claims.size()}, {"error", error.message()}});
  for (Claim& claim : claims) {
    if (claim.run) {
      --claim.run->job->open;
      claim.run->job->last_reason = "not started, " + reason_of(error);
      claim.request.state = "missed";
      claim.request.reason = reason_of(error);
    }
    unsettled_.push_back(std::move(claim.request));
  }
  if (!claiming_) arm();
}

void Core::owe(const Planner::Popped& popped, const Error& error) {
  Job& job = *planned_[popped.due.job];
  Planner::Instants& owed = job.owed.instants;
  if (owed.count == 0) {
    owed.first = popped.missed.count > 0 ? popped.missed.first : popped.due.at;
    job.owed.reason = reason_of(error);
  }
  owed.last = popped.due.at;
  owed.count += popped.missed.count + 1;
  owed.more |= popped.missed.more;
  job.last_reason = "not started, " + job.owed.reason;
}

bool Core::owes() const {
  return !unsettled_.empty() || !unwritten_.empty() ||
         std::ranges::any_of(jobs_, [](const auto& entry) { return entry.second.owed.instants.count > 0; });
}

}  // namespace holdfast::schedule
