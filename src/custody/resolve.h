// Finding the program of a command, as execvp(3) would in the command's own environment and directory.
#pragma once

#include <string>

#include "base/result.h"
#include "custody/types.h"

namespace holdfast::custody {

// An absolute path. ENOENT: "npxx: not found in PATH (/usr/bin:/bin)"; EACCES: found, but not executable (or
// a directory).
Result<std::string> find_program(const Command& command);

// The value of `name` in "NAME=value" lines; empty if it is not there.
std::string_view environment_value(const std::vector<std::string>& environment, std::string_view name);

}  // namespace holdfast::custody
