// Reading a configuration: all errors at once, each with file, line, column, what was found and what would be
// right.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace holdfast::config {

struct Problem {
  enum class Severity { warning, error } severity = Severity::error;
  int line = 0, column = 0;  // 1-based; 0: the whole file
  std::string path;          // "jobs.digest.schedule"
  std::string message;       // what was found and what would be right
  bool blocks_start = true;  // an error that only makes one entry unusable (an unset variable) does not
};
// "config.yaml:14:15: error: jobs.digest.schedule: …"
std::string format(const Problem& problem, std::string_view file);

struct Loaded {
  Config config;                          // usable only if !blocks_start()
  std::vector<Problem> problems;          // in the order of the file
  [[nodiscard]] bool has_errors() const;  // `check` exits 78
  [[nodiscard]] bool blocks_start()
      const;  // `serve` exits 78; otherwise it starts all but the unusable entries
};

// Checks what config cannot know by itself (a room above hands it in). Returns the fault, or nullopt.
struct ScheduleFault {
  int column = 0;  // 1-based within the expression; 0: the zone is wrong
  std::string message;
};
using ScheduleCheck = std::function<std::optional<ScheduleFault>(std::string_view schedule, const Job& job)>;
// Why `program` could not be started with the variables of its entry; empty: it could. May be none at all.
using CommandCheck = std::function<std::string(const std::string& program,
                                               const std::map<std::string, std::string>& environment)>;
using Lookup = std::function<std::optional<std::string>(std::string_view variable)>;

// Reads a regular file only, and never waits for whoever holds the other end of something else. May take as
// long as the disks of the file and of the folders in it do.
Loaded load_file(const std::filesystem::path& file, const Lookup& environment,
                 const ScheduleCheck& check_schedule, const CommandCheck& check_command = {});
Loaded load_text(std::string_view text, const std::filesystem::path& file, const Lookup& environment,
                 const ScheduleCheck& check_schedule, const CommandCheck& check_command = {});

// The first that is set of --config, $HOLDFAST_CONFIG, $XDG_CONFIG_HOME/holdfast/config.yaml (~/.config),
// /etc/holdfast/config.yaml (the last two only if they exist). Empty: none.
std::filesystem::path find_config_file(std::string_view option, const Lookup& environment);
// Where it looked then, in one sentence.
std::string none_found(const Lookup& environment);

}  // namespace holdfast::config
