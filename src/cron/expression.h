// Schedules: cron of five or six fields, `every D`, `at T`, nicknames, in any zone. docs/configuration.md has
// the dialect. Pure: no clock, and no allocation in next().
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

class Zone;

// What is wrong, and where: `column` is 1-based, in characters of the text given to parse(). 0: the
// expression is right, the zone that was given with it is not.
struct [[nodiscard]] ParseError {
  int column = 1;
  std::string message;  // "hour 25 is out of range 0-23"
  std::string hint;     // "midnight is hour 0"; may be empty
};

// The fields of a cron expression as bits: bit v is set if value v is allowed.
struct Fields {
  std::uint64_t second = 1, minute = 0;
  std::uint32_t hour = 0, day = 0, month = 0, weekday = 0;  // day and month from bit 1; weekday 0 = Sunday
  std::uint32_t before_last = 0;                            // bit n: L-n, n days before the month's last
  std::uint32_t workday = 0;                                // bit n: nW; bit 0: LW
  std::uint64_t nth = 0;                                    // bit 7 * n + weekday: weekday#n; n = 0: its last
  bool day_any = true, weekday_any = true;                  // written as * or ?
  bool both_days = false;                                   // `+`: both day fields must match, not either
  bool interval = false;                                    // follows elapsed time over a change of the clock
};

// The multiples of `period` since 1970-01-01T00:00:00Z and `phase`, so that a restart moves nothing.
struct Every {
  std::chrono::seconds period{}, phase{};
  bool after_end = false;  // counted from the end of the last run: no instants of its own
};

struct At {
  std::chrono::sys_seconds instant;
};

// Once per boot of the kernel, or per start of the gateway: no instant of the clock.
enum class Event : std::uint8_t { boot, start };

struct Context {
  std::string_view timezone = {};         // the job's own; empty: none
  std::string_view default_zone = "UTC";  // for who has none
  std::string_view seed = {};             // what H hashes: the job's name
};

class Expression {
 public:
  // `text` as in a job's `schedule`.
  static std::expected<Expression, ParseError> parse(std::string_view text, const Context& context = {});

  // The first instant strictly after `after`; nullopt: there is none, or none by the end of 2261, where
  // time_point ends.
  [[nodiscard]] std::optional<SystemTime> next(SystemTime after) const;

  // Why it has no instants that can be listed beforehand; empty: it has.
  [[nodiscard]] std::string without_instants() const;

  // RFC 3339 with the zone's offset; `Z` in UTC.
  [[nodiscard]] std::string format(SystemTime time) const;
  [[nodiscard]] const std::string& zone() const;

  // "at 07:00, on Monday to Friday, UTC": how the expression was read, for people.
  [[nodiscard]] std::string describe() const;

  // Things that are right but rarely meant: a step that does not divide its field.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend class Parser;
  Expression() = default;

  std::variant<Fields, Every, At, Event> what_;
  const Zone* zone_ = nullptr;  // lives as long as the process
  std::vector<std::string> warnings_;
};

std::string describe(const Fields& fields);

}  // namespace holdfast::cron
