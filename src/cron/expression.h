// Schedules: five-field cron in UTC and `every D`. Pure: no clock, no zone database, no allocation in next().
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/wall_clock.h"

namespace holdfast::cron {

// What is wrong, and where: `column` is 1-based, in characters of the text given to parse().
struct [[nodiscard]] ParseError {
  int column = 1;
  std::string message;  // "hour 25 is out of range 0-23"
  std::string hint;     // "midnight is hour 0"; may be empty
};

// The fields of a cron expression as bits: bit v is set if value v is allowed.
struct Fields {
  std::uint64_t second = 1, minute = 0;
  std::uint32_t hour = 0, day = 0, month = 0, weekday = 0;  // day and month from bit 1; weekday 0 = Sunday
  bool day_any = true, weekday_any = true;                  // written as * or ?
  bool both_days = false;                                   // `+`: both day fields must match, not either
};

// The multiples of `period` since 1970-01-01T00:00:00Z, so that a restart moves nothing.
struct Every {
  std::chrono::seconds period{};
};

class Expression {
 public:
  // `text` as in a job's `schedule`. What this version does not know yet is an error that says so.
  static std::expected<Expression, ParseError> parse(std::string_view text);

  // The first instant strictly after `after`; nullopt past the year 2261, where time_point ends.
  [[nodiscard]] std::optional<SystemTime> next(SystemTime after) const;

  // "at 07:00, on Monday to Friday": how the expression was read, for people.
  [[nodiscard]] std::string describe() const;

  // Things that are right but rarely meant: a step that does not divide its field.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::variant<Fields, Every> what_;
  std::vector<std::string> warnings_;
};

std::string describe(const Fields& fields);

// The reason why schedules in `zone` cannot be computed by this version; nullopt: they can (UTC only).
std::optional<std::string> unsupported_zone(std::string_view zone);

}  // namespace holdfast::cron
