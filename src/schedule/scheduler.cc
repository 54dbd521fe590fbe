#include "schedule/scheduler.h"

#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "base/plural.h"
#include "schedule/core.h"

namespace holdfast::schedule {

using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

constexpr std::size_t kMostParallel = 2;  // runs of one job with `overlap: parallel`, by hand or by time
constexpr auto kUnwind = std::chrono::seconds(10);  // how long a cancelled action may take to return

}  // namespace

std::unique_ptr<Scheduler> Scheduler::create(asio::io_context& loop, gateway::Gateway& gateway,
                                             custody::Custodian& custodian, store::History& history,
                                             const config::Config& config, SchedulerOptions options) {
  return std::make_unique<Core>(loop, gateway, custodian, history, config, std::move(options));
}

Core::Core(asio::io_context& loop, gateway::Gateway& gateway, custody::Custodian& custodian,
           store::History& history, const config::Config& config, SchedulerOptions options)
    : loop_(loop),
      gateway_(gateway),
      custodian_(custodian),
      history_(history),
      options_(std::move(options)),
      claimed_(loop.get_executor()),
      runs_(loop.get_executor()),
      ticks_(loop.get_executor()),
      timer_(loop.get_executor()) {
  for (const auto& [name, spec] : config.jobs) adopt(jobs_[name], name, spec);
}

asio::awaitable<Result<void>> Core::prepare(SystemTime now) {
  auto interrupted = co_await history_.interrupt_open(now);
  if (!interrupted) co_return forward(interrupted);
  if (*interrupted > 0) log::warn("job.interrupted", {{"runs", *interrupted}});
  std::vector<store::JobSpec> specs;
  specs.reserve(jobs_.size());
  for (const auto& [name, job] : jobs_) specs.push_back({name, spec_text(job.spec)});
  auto rows = co_await history_.register_jobs(std::move(specs), now);
  if (!rows) co_return forward(rows);
  std::vector<store::ClaimRequest> gaps;
  for (const store::JobRow& row : *rows) {
    Job& job = jobs_[row.name];
    remember(job, row);
    if (!job.blocked.empty()) continue;
    plan_anew(job, now);
    if (const auto gap = planner_.between(*job.planned, row.cursor, now); gap.count > 0)
      gaps.push_back(missed(job, gap, "the gateway was not running"));
  }
  if (gaps.empty()) co_return Result<void>{};
  auto recorded = co_await history_.claim(std::move(gaps), now);
  if (!recorded) co_return forward(recorded);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Core::start() {
  auto timer = open_timer();
  if (!timer) co_return forward(timer);
  auto prepared = co_await prepare(system_clock::now());
  if (!prepared) co_return forward(prepared);
  timer_.spawn("scheduler.timer", timer_loop(std::move(*timer)));
  co_return Result<void>{};
}

Core::RunPtr Core::make_run(Job& job, SystemTime at, std::string trigger) {
  auto run = std::make_shared<Run>(loop_.get_executor());
  run->job = &job;
  run->spec = job.spec;
  run->view.id = random_hex(6);
  run->view.job = job.spec.name;
  run->view.state = "queued";
  run->view.trigger = std::move(trigger);
  run->view.scheduled_at = at;
  if (!options_.log_dir.empty())
    run->view.log = options_.log_dir / (job.spec.name + "-" + run->view.id + ".log");
  ++job.open;  // from here on, so that a tick that overlaps this one sees it
  return run;
}

std::optional<std::string> Core::full(Job& job) const {
  std::erase_if(job.unkillable, [](const auto& tree) { return tree->state() == custody::TreeState::gone; });
  const std::size_t n = static_cast<std::size_t>(job.open) + job.unkillable.size();
  if (n < (job.spec.overlap == "parallel" ? kMostParallel : 1)) return std::nullopt;
  std::string reason =
      "already " + counted(n, "run", "runs") + " in flight (overlap: " + job.spec.overlap + ")";
  if (!job.unkillable.empty()) reason += "; " + job.unkillable.front()->name() + " cannot be killed";
  return reason;
}

void Core::enqueue(const RunPtr& run) {
  open_[run->view.id] = run;
  waiting_.push_back(run);
  dispatch();
}

void Core::dispatch() {
  while (busy_ < std::max(options_.workers, 1) && !waiting_.empty()) {
    RunPtr run = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    runs_.spawn("scheduler.run", supervise(std::move(run)));
  }
}

asio::awaitable<void> Core::supervise(RunPtr run) {
  ++run->job->running;
  co_await perform(run);
  run->session.reset();  // the leases end here, however the run did
  co_await finish(run);
  --run->job->running;
  --run->job->open;
  --busy_;
  open_.erase(run->view.id);
  run->over.set();
  dispatch();
}

asio::awaitable<void> Core::note_start(const RunPtr& run) {
  run->view.state = "running";
  run->view.started_at = system_clock::now();
  log::info("run.started", {{"job", run->view.job}, {"run", run->view.id}});
  if (auto noted = co_await history_.start_run(run->view.id, *run->view.started_at); !noted)
    log::warn("run.not_noted", {{"run", run->view.id}, {"error", noted.error().message()}});
}

asio::awaitable<void> Core::perform(const RunPtr& run) {
  if (!run->cancel_asked) co_await note_start(run);
  if (run->cancel_asked) {  // while it waited, or while the disk was awaited
    run->outcome = Outcome{.state = "cancelled", .reason = "cancelled before it started"};
    co_return;
  }
  if (run->spec.command.empty()) {
    run->session = gateway_.open_session(gateway::SessionKind::job, run->view.job + "/" + run->view.id);
    if (!run->session) {
      run->outcome = Outcome{.state = "failed", .reason = "the gateway is shutting down"};
      co_return;
    }
  }
  const auto log = std::make_shared<RunLog>(log_disk_, run->view.log);
  TaskGroup action(loop_.get_executor());
  action.spawn("run.action", act(run, log));
  const bool news = co_await run->news.wait_until(steady_clock::now() + run->spec.timeout);
  std::optional<Outcome> cut;  // it did not end by itself
  if (!run->outcome || run->cancel_asked) {
    cut =
        news || run->cancel_asked
            ? Outcome{.state = "cancelled", .reason = "cancelled on request"}
            : Outcome{.state = "timeout", .reason = "not done within " + format_duration(run->spec.timeout)};
    log->line(cut->state + ": " + cut->reason);
    action.cancel();
  }
  // It unwinds with its session still there, a command until its tree is gone; one that does not in time
  // keeps them until it has.
  if (!co_await action.join(steady_clock::now() + kUnwind))
    log::error("run.stuck", {{"job", run->view.job}, {"run", run->view.id}});
  while (action.running() > 0) (void)co_await action.join(steady_clock::now() + kUnwind);
  if (cut) run->outcome = std::move(cut);
  co_await log->close();
  if (const auto dropped = log->dropped_bytes(); dropped > 0)
    log::warn("run.log_dropped", {{"job", run->view.job}, {"run", run->view.id}, {"bytes", dropped}});
}

asio::awaitable<void> Core::act(RunPtr run, std::shared_ptr<RunLog> log) {
  const RunInput input{run->view.id, run->view.scheduled_at};
  const auto ended = [&run](Outcome outcome) {
    run->outcome = std::move(outcome);
    run->news.set();
  };
  if (run->session) {
    ended(co_await run_steps(run->spec, input, *run->session, *log));
    co_return;
  }
  if (auto left = co_await run_command(run->spec, input, gateway_, custodian_, options_.access, *log, ended))
    run->job->unkillable.push_back(std::move(left));
}

asio::awaitable<void> Core::finish(const RunPtr& run) {
  RunView& view = run->view;
  view.state = run->outcome->state;
  view.reason = run->outcome->reason;
  view.result = std::move(run->outcome->result);
  view.ended_at = system_clock::now();
  run->job->last = view.ended_at;
  run->job->last_state = view.state;
  run->job->last_reason = view.reason;
  co_await record(run);
  const auto took =
      std::chrono::duration_cast<milliseconds>(*view.ended_at - view.started_at.value_or(*view.ended_at));
  log::info("run.finished", {{"job", view.job},
                             {"run", view.id},
                             {"state", view.state},
                             {"reason", view.reason},
                             {"ms", took.count()}});
}

JobView Core::view_of(const Job& job) const {
  JobView view;
  view.name = job.spec.name;
  for (const std::string& schedule : job.spec.schedules)
    view.schedule += (view.schedule.empty() ? "" : " | ") + schedule;
  view.timezone = zone_of(job.spec);
  view.action = job.spec.command.empty() ? "steps" : "command";
  view.enabled = job.blocked.empty();
  view.running = job.running;
  if (job.planned) view.next = planner_.next_of(*job.planned);
  view.last = job.last;
  view.last_state = job.last_state;
  view.last_reason = job.last_reason;
  return view;
}

std::vector<JobView> Core::jobs() const {
  std::vector<JobView> out;
  out.reserve(jobs_.size());
  for (const auto& [name, job] : jobs_)
    if (!job.removed || job.open > 0) out.push_back(view_of(job));
  return out;
}

std::optional<JobView> Core::job(std::string_view name) const {
  const Job* job = find(name);
  return job ? std::optional(view_of(*job)) : std::nullopt;
}

asio::awaitable<Result<std::string>> Core::run_now(std::string_view name) {
  Job* job = find(name);
  if (!job) co_return fail(Errc::not_found, "job", name);
  if (stopping_) co_return fail(Errc::refused, "run job", "the gateway is shutting down");
  if (!job->spec.unusable.empty())
    co_return fail(Errc::refused, "run job", job->spec.name + ": " + job->spec.unusable);
  if (job->id == 0) co_return fail(Errc::refused, "run job", "the scheduler has not started");
  if (auto reason = full(*job)) co_return fail(Errc::refused, "run job", job->spec.name + ": " + *reason);
  // Those that hang on a disk that does not answer are bounded too.
  const auto manual = [&](const store::ClaimRequest& request) {
    return request.job_id == job->id && request.trigger.starts_with("manual");
  };
  if (std::ranges::any_of(unsettled_, manual))
    co_return fail(Errc::refused, "run job", job->spec.name + ": the claim before has not been answered yet");
  const SystemTime now = system_clock::now();
  RunPtr run = make_run(*job, now, "");
  run->view.trigger = "manual:" + run->view.id;
  Claim claim{.request = {.job_id = job->id,
                          .at = now,
                          .trigger = run->view.trigger,
                          .run_id = run->view.id,
                          .log_path = run->view.log.native()},
              .run = run};
  auto claimed = co_await history_.claim({claim.request}, now);
  if (!claimed) {
    if (claimed.error().is(Errc::timeout))
      not_claimed({std::move(claim)}, claimed.error());
    else
      --job->open;
    co_return forward(claimed);
  }
  if (stopping_) {  // meanwhile
    co_await withdraw(run);
    co_return fail(Errc::refused, "run job", run->view.reason);
  }
  enqueue(run);
  co_return run->view.id;
}

Result<int> Core::cancel(std::string_view name, std::string_view id) {
  if (!find(name)) return fail(Errc::not_found, "job", name);
  int n = 0;
  for (const auto& [run_id, run] : open_) {
    if (run->view.job != name || (!id.empty() && run_id != id) || run->cancel_asked || run->outcome) continue;
    run->cancel_asked = true;
    run->news.set();
    ++n;
  }
  if (n == 0 && !id.empty()) return fail(Errc::not_found, "run in flight", id);
  return n;
}

asio::awaitable<Result<std::vector<RunView>>> Core::history(std::string_view name, int limit) {
  if (!find(name)) co_return fail(Errc::not_found, "job", name);
  auto rows = co_await history_.list(std::string(name), limit);
  if (!rows) co_return forward(rows);
  std::vector<RunView> out;
  for (const store::RunRow& row : *rows) out.push_back(truth(row));
  co_return out;
}

asio::awaitable<Result<RunView>> Core::run(std::string_view name, std::string_view id) {
  if (id.empty()) {
    auto newest = co_await history(name, 1);
    if (!newest) co_return forward(newest);
    if (newest->empty()) co_return fail(Errc::not_found, "latest run of", name);
    co_return std::move(newest->front());
  }
  auto row = co_await history_.get(std::string(id));
  if (!row) co_return forward(row);
  if (!name.empty() && row->job != name) co_return fail(Errc::not_found, "run", id);
  co_return truth(*row);
}

asio::awaitable<Result<RunView>> Core::wait(std::string_view id, steady_clock::time_point deadline) {
  if (const auto found = open_.find(id); found != open_.end()) {
    const RunPtr run = found->second;
    (void)co_await run->over.wait_until(deadline);
    co_return run->view;
  }
  co_return co_await run("", id);
}

asio::awaitable<void> Core::stop(steady_clock::time_point deadline) {
  stopping_ = true;
  timer_.cancel();
  for (const RunPtr& run : waiting_) run->cancel_asked = true;  // they end as cancelled when their slot comes
  (void)co_await timer_.join(steady_clock::now() + kUnwind);
  (void)co_await runs_.join(deadline);
  const auto left = open_;  // what still waits for a slot is cancelled too, and recorded
  for (const auto& [id, run] : left) {
    if (run->cancel_asked || run->outcome) continue;
    run->cancel_asked = true;
    run->news.set();
  }
  (void)co_await runs_.join(steady_clock::now() + 2 * kUnwind);
  (void)co_await ticks_.join(steady_clock::now() + kUnwind);
  ticks_.cancel();
  (void)co_await ticks_.join(steady_clock::now() + kUnwind);
  co_await write_kept();
}

}  // namespace holdfast::schedule
