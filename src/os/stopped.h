// Which own child was stopped: the only news of a child that its pidfd does not tell. No heap.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace holdfast::os {

// A child that was stopped (SIGSTOP and its kin) and not yet asked about; 0: none. Reaps nobody. waitid(2).
Result<pid_t> stopped_child();

}  // namespace holdfast::os
