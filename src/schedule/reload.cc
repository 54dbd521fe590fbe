// The jobs of a configuration: what they are at the start, and what becomes of them when it is read again.
#include <algorithm>

#include "base/log.h"
#include "schedule/core.h"

namespace holdfast::schedule {

using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

constexpr auto kClaimPatience = std::chrono::seconds(90);  // the history's own bound, and a little more

// Why it is not planned; empty: it is.
std::string why_blocked(const config::Job& job) {
  if (auto reason = unsupported(job)) return *std::move(reason);
  return job.enabled ? "" : "disabled";
}

}  // namespace

std::string spec_text(const config::Job& job) {
  std::string text = zone_of(job);
  for (const std::string& schedule : job.schedules) text += "\n" + schedule;
  if (!job.hash_seed.empty()) text += "\nseed " + job.hash_seed;
  if (!why_blocked(job).empty()) text += "\nnot planned";
  return text;
}

void Core::adopt(Job& job, const std::string& name, const config::Job& spec) {
  job.spec = spec;
  job.spec.name = name;
  job.removed = false;
  job.blocked = why_blocked(spec);
  if (job.blocked.empty()) return;
  job.last_reason = job.blocked;
  if (spec.enabled) log::warn("job.not_planned", {{"job", name}, {"reason", job.blocked}});
}

void Core::remember(Job& job, const store::JobRow& row) {
  job.id = row.id;
  if (job.last || !row.last) return;
  job.last = row.last->ended_at;
  job.last_state = row.last->state;
  if (job.blocked.empty()) job.last_reason = row.last->reason;
}

void Core::plan_anew(Job& job, SystemTime from) {
  std::vector<cron::Expression> schedules;
  if (job.blocked.empty())
    for (const std::string& text : job.spec.schedules)
      if (auto parsed = read_schedule(job.spec, text)) schedules.push_back(std::move(*parsed));
  if (!job.planned) {
    const auto free = std::ranges::find(planned_, nullptr);
    if (free == planned_.end()) {
      job.planned = planner_.add(std::move(schedules), from);
      planned_.push_back(&job);
      return;
    }
    *free = &job;
    job.planned = static_cast<std::size_t>(free - planned_.begin());
  }
  planner_.reschedule(*job.planned, std::move(schedules), from);
}

void Core::remove(Job& job) {
  job.removed = true;
  job.blocked = job.last_reason = job.spec.unusable = "removed from the configuration";
  if (job.planned) plan_anew(job, {});
}

// Who is still pointed at (an open run, a tree that will not die, instants to be recorded) stays.
void Core::forget_removed() {
  std::erase_if(jobs_, [this](const auto& entry) {
    const Job& job = entry.second;
    const bool survived = std::ranges::any_of(
        job.unkillable, [](const auto& tree) { return tree->state() != custody::TreeState::gone; });
    if (!job.removed || job.open > 0 || survived || job.owed.instants.count > 0) return false;
    if (job.planned) planned_[*job.planned] = nullptr;
    return true;
  });
}

asio::awaitable<Result<void>> Core::between_claims(steady_clock::time_point patience) {
  while (claiming_) {
    if (co_await claimed_.wait_until(patience)) continue;
    co_return fail(Errc::timeout, "reload jobs", "a claim has not been answered");
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Core::reload(config::Config config) {
  return reload_at(std::move(config), system_clock::now());
}

asio::awaitable<Result<void>> Core::reload_at(config::Config config, SystemTime now) {
  // Between two claims: what a tick has taken from the planner names its jobs by their place there. And after
  // one of what is due by now, which the entries before said and nobody would remember (I11).
  const auto patience = steady_clock::now() + kClaimPatience;
  if (auto free = co_await between_claims(patience); !free) co_return free;
  wake(now);
  if (auto free = co_await between_claims(patience); !free) co_return free;
  if (stopping_) co_return fail(Errc::refused, "reload jobs", "the gateway is shutting down");
  claiming_ = true;  // what falls due meanwhile stays in the planner
  std::vector<store::JobSpec> specs;
  specs.reserve(config.jobs.size());
  for (const auto& [name, spec] : config.jobs) specs.push_back({name, spec_text(spec)});
  auto rows = co_await history_.register_jobs(std::move(specs), now);
  if (!rows) {
    end_claiming();
    co_return forward(rows);
  }
  for (auto& [name, job] : jobs_)
    if (!job.removed && !config.jobs.contains(name)) remove(job);
  for (const store::JobRow& row : *rows) {
    Job& job = jobs_[row.name];
    config::Job spec = config.jobs.at(row.name);
    spec.name = row.name;
    if (job.id != 0 && !job.removed && job.spec == spec) continue;
    const bool was_planned = job.id != 0 && job.blocked.empty();
    const std::string before = spec_text(job.spec);
    adopt(job, row.name, spec);
    remember(job, row);
    if (was_planned && job.blocked.empty() && before == spec_text(spec)) continue;  // due as before
    plan_anew(job, now);
  }
  forget_removed();
  options_.workers = config.scheduler_workers;
  end_claiming();
  dispatch();
  co_return Result<void>{};
}

}  // namespace holdfast::schedule
