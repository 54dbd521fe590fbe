// When which job is due. Pure: told the time, never asks for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/wall_clock.h"
#include "config/config.h"
#include "cron/expression.h"

namespace holdfast::schedule {

// Why `job` cannot be planned: an unset variable, or what this version does not do. nullopt: it can.
std::optional<std::string> unsupported(const config::Job& job);

// The zone by which `job` is planned: its own, the scheduler's or the host's.
std::string zone_of(const config::Job& job);

// A schedule of `job`. Those that this version does not plan are errors that say so.
std::expected<cron::Expression, cron::ParseError> read_schedule(const config::Job& job,
                                                                std::string_view text);

// A heap of (instant, job); entries of an older generation are dropped when they surface.
class Planner {
 public:
  struct Due {
    std::size_t job = 0;
    SystemTime at;
  };
  // Some instants of one job. `first` and `last` are exact however many there are; they are counted so far
  // that a job of every second costs its loop a moment only.
  struct Instants {
    static constexpr int kMostCounted = 10'000;
    int count = 0;
    bool more = false;  // than `count`
    SystemTime first, last;
  };

  // A job's schedules as a union; instants after `from`. The job's index, counted from 0.
  std::size_t add(std::vector<cron::Expression> schedules, SystemTime from);
  // Other schedules for a job, from `from` on; with none it is never due.
  void reschedule(std::size_t job, std::vector<cron::Expression> schedules, SystemTime from);
  // Forgets the job's planned instant and plans anew after `from`.
  void replan(std::size_t job, SystemTime from);

  [[nodiscard]] std::optional<SystemTime> earliest();
  [[nodiscard]] std::optional<SystemTime> next_of(std::size_t job) const;
  // Everything due at `now`, oldest first, each job planned on after its popped instant or, if `now` is later
  // still by more than one instant, once with its newest due instant: there is no burst after a late wake.
  struct Popped {
    Due due;
    Instants missed;  // of this job before `due`, that were jumped over
  };
  std::vector<Popped> pop(SystemTime now);
  // The instants of `job` in (after, now].
  [[nodiscard]] Instants between(std::size_t job, SystemTime after, SystemTime now) const;

 private:
  struct Job {
    std::vector<cron::Expression> schedules;
    std::uint32_t generation = 0;
    std::optional<SystemTime> next;
  };
  struct Entry {
    SystemTime at;
    std::size_t job;
    std::uint32_t generation;
    bool operator>(const Entry& other) const { return at != other.at ? at > other.at : job > other.job; }
  };
  [[nodiscard]] std::optional<SystemTime> after(std::size_t job, SystemTime from) const;
  // The newest instant of `job` in (from, now].
  [[nodiscard]] std::optional<SystemTime> newest(std::size_t job, SystemTime from, SystemTime now) const;
  void drop_stale();

  std::vector<Job> jobs_;
  std::vector<Entry> heap_;
};

}  // namespace holdfast::schedule
