// Reading a configuration for `check` and for `serve`: the same eyes.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "daemon/daemon.h"

namespace holdfast::daemon {

// cron's parser, as config asks for it. Defined in schedule_check.cc.
std::optional<config::ScheduleFault> check_schedule(std::string_view schedule, const config::Job& job);

// Whether the program is there, in the PATH of the entry or else of this process: config::CommandCheck. For
// `check` alone, whom nobody waits for: a folder of the PATH may lie where nobody answers. Defined in
// command_check.cc.
std::string check_command(const std::string& program, const std::map<std::string, std::string>& environment);

// Adds what is wrong with the certificate and the key that are named.
void check_tls_files(config::Loaded& loaded);

// Loads `file` with this process's environment and check_schedule, and looks at the files of `tls`. What is
// asked for and has no effect in this version is a warning.
config::Loaded load_checked(const std::filesystem::path& file);

// True if the file can be served whole: no error, and no enabled entry that lacks a variable.
bool is_clean(const config::Loaded& loaded);

// As it is printed, one line a problem.
std::vector<std::string> problem_lines(const config::Loaded& loaded, const std::filesystem::path& file);

// To the log, of a configuration that is started or read again.
void log_problems(const std::vector<std::string>& lines);

// The configuration of `serve`. Its problems are events of the log. nullopt: none found, or an error that
// spoils the whole of it (an unset variable only spoils its entry); then they are on stderr as they are, for
// whoever sits there, with a last line that nothing was started.
std::optional<config::Config> load_for_serving(const ServeOptions& options);

}  // namespace holdfast::daemon
