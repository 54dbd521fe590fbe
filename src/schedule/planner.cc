#include "schedule/planner.h"

#include <algorithm>
#include <functional>

#include "cron/calendar.h"

namespace holdfast::schedule {

std::optional<std::string> unsupported(const config::Job& job) {
  if (!job.unusable.empty()) return job.unusable;
  for (const std::string& text : job.schedules) {
    const auto read = read_schedule(job, text);
    if (read) continue;
    if (read.error().column == 0) return read.error().message;
    return text + ": column " + std::to_string(read.error().column) + ": " + read.error().message;
  }
  return std::nullopt;
}

std::string zone_of(const config::Job& job) {
  if (!job.timezone.empty()) return job.timezone;
  return job.default_timezone.empty() ? cron::host_zone() : job.default_timezone;
}

std::expected<cron::Expression, cron::ParseError> read_schedule(const config::Job& job,
                                                                std::string_view text) {
  const std::string zone = zone_of(job);
  auto read = cron::Expression::parse(text, {.timezone = job.timezone,
                                             .default_zone = zone,
                                             .seed = job.hash_seed.empty() ? job.name : job.hash_seed});
  if (!read) return read;
  if (auto why = read->without_instants(); !why.empty())
    return std::unexpected(cron::ParseError{1, "not supported yet in this version: " + std::move(why), {}});
  return read;
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

// By halves: stepping would take a year of seconds one by one.
std::optional<SystemTime> Planner::newest(std::size_t job, SystemTime from, SystemTime now) const {
  auto found = after(job, from);
  if (!found || *found > now) return std::nullopt;
  for (SystemTime none_beyond = now; *found < none_beyond;) {
    const SystemTime middle = *found + (none_beyond - *found) / 2;
    if (const auto next = after(job, middle); next && *next <= now)
      found = next;
    else
      none_beyond = middle;
  }
  return found;
}

Planner::Instants Planner::between(std::size_t job, SystemTime from, SystemTime now) const {
  Instants out;
  const auto last = newest(job, from, now);
  if (!last) return out;
  out.first = *after(job, from);
  out.last = *last;
  out.count = 1;
  for (SystemTime at = out.first; at < out.last; at = *after(job, at)) {
    out.more = out.count == Instants::kMostCounted;
    if (out.more) break;
    ++out.count;
  }
  return out;
}

std::vector<Planner::Popped> Planner::pop(SystemTime now) {
  std::vector<Popped> out;
  for (drop_stale(); !heap_.empty() && heap_.front().at <= now; drop_stale()) {
    const Entry top = heap_.front();
    const SystemTime newest_due = newest(top.job, top.at, now).value_or(top.at);
    constexpr SystemTime::duration kMoment{1};
    out.push_back(
        {.due = {top.job, newest_due}, .missed = between(top.job, top.at - kMoment, newest_due - kMoment)});
    replan(top.job, now);
  }
  return out;
}

}  // namespace holdfast::schedule
