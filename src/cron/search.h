// The next time that fields allow: by the calendar, and by a zone's clock.
#pragma once

#include <chrono>
#include <optional>

#include "cron/calendar.h"
#include "cron/expression.h"

namespace holdfast::cron {

inline constexpr std::chrono::year kLastYear{2261};  // the last that a time_point in nanoseconds holds whole

// The first due day from `from` on, looking no further than `until`.
std::optional<std::chrono::local_days> next_day(const Fields& fields, std::chrono::local_days from,
                                                std::chrono::year until = kLastYear);

// The first due time of a calendar without gaps, from `from` on.
std::optional<std::chrono::local_seconds> next_local(const Fields& fields, std::chrono::local_seconds from);

// The first instant after `after`. A fixed time that the zone's clock skips is due at the end of the gap,
// unless the gap is a day or more; one that comes twice is due the first time only. An interval is due
// whenever the clock shows a due time.
std::optional<std::chrono::sys_seconds> next_instant(const Fields& fields, const Zone& zone,
                                                     std::chrono::sys_seconds after);

}  // namespace holdfast::cron
