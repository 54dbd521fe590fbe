#include "schedule/planner.h"

#include <algorithm>
#include <functional>

namespace holdfast::schedule {

std::optional<std::string> unsupported(const config::Job& job) {
  if (!job.unusable.empty()) return job.unusable;
  if (auto zone = cron::unsupported_zone(job.timezone)) return zone;
  for (const std::string& text : job.schedules)
    if (auto parsed = cron::Expression::parse(text); !parsed)
      return text + ": column " + std::to_string(parsed.error().column) + ": " + parsed.error().message;
  return std::nullopt;
}

std::size_t Planner::add(std::vector<cron::Expression> schedules, SystemTime from) {
  jobs_.push_back({std::move(schedules), 0, std::nullopt});
  replan(jobs_.size() - 1, from);
  return jobs_.size() - 1;
}

void Planner::reschedule(std::size_t job, std::vector<cron::Expression> schedules, SystemTime from) {
  jobs_[job].schedules = std::move(schedules);
  replan(job, from);
}

std::optional<SystemTime> Planner::after(std::size_t job, SystemTime from) const {
  std::optional<SystemTime> best;
  for (const auto& schedule : jobs_[job].schedules)
    if (const auto next = schedule.next(from); next && (!best || *next < *best)) best = next;
  return best;
}

void Planner::replan(std::size_t job, SystemTime from) {
  Job& j = jobs_[job];
  ++j.generation;
  j.next = after(job, from);
  if (!j.next) return;
  heap_.push_back({*j.next, job, j.generation});
  std::ranges::push_heap(heap_, std::greater{});
}

void Planner::drop_stale() {
  while (!heap_.empty() && heap_.front().generation != jobs_[heap_.front().job].generation) {
    std::ranges::pop_heap(heap_, std::greater{});
    heap_.pop_back();
  }
}

std::optional<SystemTime> Planner::earliest() {
  drop_stale();
  return heap_.empty() ? std::nullopt : std::optional(heap_.front().at);
}

std::optional<SystemTime> Planner::next_of(std::size_t job) const { return jobs_[job].next; }

Planner::Between Planner::between(std::size_t job, SystemTime from, SystemTime now) const {
  Between out;
  for (auto at = after(job, from); at && *at <= now && out.count < 10'000; at = after(job, *at)) {
    if (out.count++ == 0) out.first = *at;
    out.last = *at;
  }
  return out;
}

std::vector<Planner::Popped> Planner::pop(SystemTime now) {
  std::vector<Popped> out;
  for (drop_stale(); !heap_.empty() && heap_.front().at <= now; drop_stale()) {
    const Entry top = heap_.front();
    Popped popped{{top.job, top.at}, 0, std::nullopt, std::nullopt};
    for (auto at = after(top.job, top.at); at && *at <= now && popped.missed < 10'000;
         at = after(top.job, *at)) {
      if (popped.missed++ == 0) popped.first_missed = popped.due.at;
      popped.last_missed = popped.due.at;
      popped.due.at = *at;
    }
    out.push_back(popped);
    replan(top.job, now);
  }
  return out;
}

}  // namespace holdfast::schedule
