// How whoever started a keeper, gateway or face, sees that it is held, and how long it is waited for.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "os/procfs.h"

namespace holdfast::custody {

inline constexpr std::chrono::milliseconds kAcknowledge{300};  // for an answer; then SIGCONT, then SIGKILL
inline constexpr std::chrono::milliseconds kStarved{2000};     // more, for one that only_starved()
inline constexpr int kMostStops = 6;                           // within one second: somebody means it

// It does not answer because it gets no processor, or waits for the kernel: nobody holds it.
inline bool only_starved(pid_t keeper) {
  const auto stat = os::read_stat(keeper);
  return stat && (stat->state == 'R' || stat->state == 'D');
}

}  // namespace holdfast::custody
