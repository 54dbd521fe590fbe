// The schedules that are no cron fields: `every …` and `at …`.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cron/expression.h"
#include "cron/text.h"

namespace holdfast::cron {

// "every 10m", "every 1h phase 5m", "every 30s after end"; or, for the calendar, the five fields that
// "every monday, thursday at 18:00" stands for.
Parsed<std::variant<Every, std::string>> read_every(const std::vector<Piece>& words,
                                                    std::vector<std::string>& warnings);

// "at 2026-12-24T18:00:00+01:00", "at 2026-12-24 18:00": by the clock of `zone` where no offset is given.
Parsed<At> read_at(const std::vector<Piece>& words, const Zone& zone);

// RFC 3339, at the zone's offset; `Z` in UTC.
std::string format_in(const Zone& zone, std::chrono::sys_seconds time);

}  // namespace holdfast::cron
