// A file that people write, and in whose place anything may stand.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace holdfast::os {

// The beginning of a regular file, as much as `buffer` takes; the number of bytes. Waits for its disk, and
// for nobody else: no pipe, device or terminal is opened for it. Errors: invalid: it is something else, named
// in the subject ("a pipe"); and what stat(2), open(2) and read(2) say.
Result<std::size_t> read_regular_file(const char* path, std::span<char> buffer);

}  // namespace holdfast::os
