// The time of day: for people and records, never for deadlines.
#pragma once

#include <chrono>
#include <string>

namespace holdfast {

using SystemTime = std::chrono::system_clock::time_point;

// RFC 3339 in UTC: "2026-11-23T12:00:00Z", or with milliseconds "2026-11-23T12:00:00.250Z". Fractions are cut
// off.
std::string rfc3339(SystemTime time);
std::string rfc3339_milliseconds(SystemTime time);

}  // namespace holdfast
