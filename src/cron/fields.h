// One field of a cron expression: text to bits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cron/text.h"

namespace holdfast::cron {

struct FieldKind {
  std::string_view name;
  int lo = 0, hi = 0;      // hi: the largest value that may be written
  int size = 0;            // number of distinct values: 7 days, though 7 may be written for Sunday
  int hashed = 0;          // how many of them H chooses from
  std::string_view names;  // three letters each, from `lo` on
  std::string_view unit;   // of a step that could be an `every` instead
};
enum FieldIndex : std::uint8_t { kSecond, kMinute, kHour, kDay, kMonth, kWeekday };
inline constexpr std::array<FieldKind, 6> kFields{{
    {"second", 0, 59, 60, 60, "", "s"},
    {"minute", 0, 59, 60, 60, "", "m"},
    {"hour", 0, 23, 24, 24, "", "h"},
    {"day-of-month", 1, 31, 31, 28, "", ""},
    {"month", 1, 12, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", ""},
    {"day-of-week", 0, 7, 7, 7, "SUNMONTUEWEDTHUFRISAT", ""},
}};

struct FieldBits {
  std::uint64_t mask = 0;
  std::uint32_t before_last = 0, workday = 0;  // as in Fields
  std::uint64_t nth = 0;
  bool any = false;      // nothing but * or ?
  bool starred = false;  // holds * or */n
  bool stepped = false;
};

// `seed`: what H hashes. Things that are right but rarely meant are added to `warnings`.
Parsed<FieldBits> read_field(FieldIndex index, Piece piece, std::string_view seed,
                             std::vector<std::string>& warnings);

}  // namespace holdfast::cron
