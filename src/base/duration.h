// Durations and sizes as people write them in configuration files and on command lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

using std::chrono::milliseconds;

// "500ms" "30s" "10m" "24h" "7d" "1h30m"; a plain number is seconds ("2", "0.5"). Negative or unknown units:
// Errc::invalid.
Result<milliseconds> parse_duration(std::string_view text);

// The shortest of those forms that says the same: 90000ms -> "1m30s".
std::string format_duration(milliseconds value);

// "512M" "2G" "100k" or plain bytes, powers of 1024. Errc::invalid otherwise.
Result<std::int64_t> parse_size(std::string_view text);

}  // namespace holdfast
