// What this room's tests share: a text is loaded as if it stood in /tmp, with an environment that never
// changes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/load.h"

namespace holdfast::config::testing {

inline std::optional<std::string> environment(std::string_view name) {
  if (name == "HOME") return "/home/me";
  if (name == "TOKEN") return "s3cret";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

// Refuses what holds "25", at the place of it.
inline std::optional<ScheduleFault> check_schedule(std::string_view schedule, const Job& job) {
  if (job.timezone == "Mars/Base" || job.default_timezone == "Mars/Base")
    return ScheduleFault{0, "Mars/Base is no time zone"};
  const auto at = schedule.find("25");
  if (at == std::string_view::npos) return std::nullopt;
  return ScheduleFault{static_cast<int>(at) + 1, "hour 25 is out of range 0-23"};
}

// Every program is there but those with "nosuch" or a blank in their name.
inline std::string check_command(const std::string& program, const std::map<std::string, std::string>&) {
  return program.contains("nosuch") || program.contains(' ') ? "no " + program : std::string();
}

inline Loaded load(std::string_view text) {
  return load_text(text, "/tmp/c.yaml", environment, check_schedule, check_command);
}

inline std::string whole_report(const Loaded& loaded) {
  std::string out;
  for (const Problem& problem : loaded.problems) out += format(problem, "c.yaml") + "\n";
  return out;
}
// Without what is only a matter of this version.
inline std::string report(Loaded loaded) {
  std::erase_if(loaded.problems, [](const Problem& p) { return p.message.contains("this version"); });
  return whole_report(loaded);
}
inline std::string report(std::string_view text) { return report(load(text)); }

}  // namespace holdfast::config::testing
