#include "daemon/check.h"
#include "schedule/planner.h"

namespace holdfast::daemon {

std::optional<config::ScheduleFault> check_schedule(std::string_view schedule, const config::Job& job) {
  const auto read = schedule::read_schedule(job, schedule);
  if (read) return std::nullopt;
  const auto& error = read.error();
  return config::ScheduleFault{error.column,
                               error.hint.empty() ? error.message : error.message + "; " + error.hint};
}

}  // namespace holdfast::daemon
