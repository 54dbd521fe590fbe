// The kernel's word that tasks wait for memory: pressure stall information (Linux 4.20,
// Documentation/accounting/psi.rst).
#pragma once

#include <chrono>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

// POLLPRI at most once in a window, when tasks of this machine have stood still for `stall` of it for want of
// memory. Non-blocking, close-on-exec. Errors: ENOENT, EOPNOTSUPP (no PSI here), EACCES, EPERM, EINVAL (not
// for unprivileged users before Linux 6.5, and then only for windows of whole multiples of 2 s).
Result<UniqueFd> open_memory_pressure(std::chrono::microseconds stall, std::chrono::microseconds window);

}  // namespace holdfast::os
