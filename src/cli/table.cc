#include "cli/table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <ostream>

namespace holdfast::cli {

namespace {

// Columns on a screen: code points, near enough.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

const char* colour_of(const std::string& cell) {
  static constexpr std::array good{"ready", "active", "ok", "running"};
  static constexpr std::array bad{"parked", "unkillable", "failed", "timeout", "orphaned", "unusable"};
  static constexpr std::array fair{"backoff", "idle", "starting", "stopping", "cancelled"};
  if (std::ranges::find(good, cell) != good.end()) return "\x1b[32m";
  if (std::ranges::find(bad, cell) != bad.end()) return "\x1b[31m";
  if (std::ranges::find(fair, cell) != fair.end()) return "\x1b[33m";
  return "";
}

}  // namespace

void Table::print(std::ostream& out, bool colour) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], width(row[i]));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const char* start = !colour ? "" : &row == &rows_.front() ? "\x1b[1m" : colour_of(row[i]);
      out << start << row[i] << (*start != '\0' ? "\x1b[0m" : "");
      if (i + 1 < row.size()) out << std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    out << '\n';
  }
}

std::string format_bytes(std::int64_t bytes) {
  static constexpr const char* units = "BKMGT";
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit > 0 && value < 100 ? "%.1f%c" : "%.0f%c", value, units[unit]);
  return text;
}

std::string age_of(const std::string& rfc3339) {
  std::tm parts{};
  if (rfc3339.empty() || ::strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "-";
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const auto seconds = static_cast<long long>(now) - static_cast<long long>(::timegm(&parts));
  const long long size = seconds < 0 ? -seconds : seconds;
  std::string text = size < 120       ? std::to_string(size) + "s"
                     : size < 7200    ? std::to_string(size / 60) + "m"
                     : size < 172'800 ? std::to_string(size / 3600) + "h"
                                      : std::to_string(size / 86'400) + "d";
  return seconds < 0 ? "in " + text : text;
}

std::string one_line(std::string text, std::size_t limit) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (text.size() <= limit) return text;
  std::size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

}  // namespace holdfast::cli
