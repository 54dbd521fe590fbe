// The one timer of the scheduler: absolute wall-clock time, told when the clock is stepped
// (timerfd_create(2)).
#pragma once

#include <chrono>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

// CLOCK_REALTIME, non-blocking, close-on-exec. Readable when it fired or when the clock was stepped.
Result<UniqueFd> open_wall_timer();

// Arms for `at` (an instant that has passed fires at once), noticing steps of the clock.
Result<void> arm_wall_timer(int fd, std::chrono::system_clock::time_point at);

enum class TimerNews { nothing, fired, clock_stepped };
// Takes what made the descriptor readable. After clock_stepped the timer must be armed again.
Result<TimerNews> read_wall_timer(int fd);

}  // namespace holdfast::os
