#include "cron/expression.h"
#include "daemon/check.h"

namespace holdfast::daemon {

std::optional<config::ScheduleFault> check_schedule(std::string_view schedule, std::string_view timezone) {
  if (const auto parsed = cron::Expression::parse(schedule); !parsed) {
    const auto& error = parsed.error();
    return config::ScheduleFault{error.column,
                                 error.hint.empty() ? error.message : error.message + "; " + error.hint};
  }
  if (auto why = cron::unsupported_zone(timezone)) return config::ScheduleFault{0, std::move(*why)};
  return std::nullopt;
}

}  // namespace holdfast::daemon
