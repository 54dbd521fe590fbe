// What the gateway tells the service manager that started it: ready, alive, about to end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "base/duration.h"
#include "base/task_group.h"
#include "daemon/paths.h"
#include "os/service_manager.h"

namespace holdfast::daemon {

class Service {
 public:
  // $NOTIFY_SOCKET, $WATCHDOG_USEC, $WATCHDOG_PID. A manager that cannot be reached is logged, and then there
  // is none: the gateway's work does not depend on it.
  explicit Service(const Environment& environment);

  void ready();
  // The stop takes at most `longest`, whatever TimeoutStopSec= says (EXTEND_TIMEOUT_USEC).
  void stopping(milliseconds longest);
  // Says that the loop on which it runs still turns, twice an interval; at once done if nobody asked for it.
  asio::awaitable<void> keep_alive();

 private:
  void say(std::string_view lines);

  os::ServiceManager manager_;
  std::optional<std::chrono::microseconds> interval_;
};

}  // namespace holdfast::daemon
