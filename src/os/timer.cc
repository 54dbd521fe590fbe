#include "os/timer.h"

#include <sys/timerfd.h>

#include <cstdint>

namespace holdfast::os {

Result<UniqueFd> open_wall_timer() {
  UniqueFd fd(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!fd) return sys_error("timerfd_create");
  return fd;
}

Result<void> arm_wall_timer(int fd, std::chrono::system_clock::time_point at) {
  using namespace std::chrono;
  auto since_epoch = duration_cast<nanoseconds>(at.time_since_epoch());
  if (since_epoch <= nanoseconds::zero()) since_epoch = nanoseconds(1);  // all zero would disarm it
  const auto whole = duration_cast<seconds>(since_epoch);
  itimerspec spec{};
  spec.it_value.tv_sec = whole.count();
  spec.it_value.tv_nsec = (since_epoch - whole).count();
  // ECANCELED here reports a step since the last read; the timer is armed all the same.
  if (::timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr) != 0 &&
      errno != ECANCELED)
    return sys_error("timerfd_settime");
  return {};
}

Result<TimerNews> read_wall_timer(int fd) {
  std::uint64_t count = 0;
  if (::read(fd, &count, sizeof count) == static_cast<ssize_t>(sizeof count)) return TimerNews::fired;
  if (errno == ECANCELED) return TimerNews::clock_stepped;
  if (errno == EAGAIN || errno == EINTR) return TimerNews::nothing;
  return sys_error("read", "timerfd");
}

}  // namespace holdfast::os
