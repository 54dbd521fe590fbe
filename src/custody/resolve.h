// Finding the program of a command, as execvp(3) would in the command's own environment and directory. Only a
// process that may hang does it (a keeper): a file system that is gone answers nobody, however long he waits.
// No heap.
#pragma once

#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"

namespace holdfast::custody {

inline constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";  // without a PATH

// `word` itself if it has a slash, or, put into `room`, a file of the PATH (its directories may be 1 kB
// long). The error is the errno that execvp would give: ENOENT; EACCES: found, but not executable (or a
// directory).
Result<const char*> find_program(const char* word, char* const* environment, FixedString<1024>& room);

}  // namespace holdfast::custody
