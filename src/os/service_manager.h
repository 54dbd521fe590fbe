// The service manager that started this process, where it is one that wants to hear of it: sd_notify(3), the
// protocol by which systemd learns that a service is ready, alive, about to end.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

class ServiceManager {
 public:
  // `address`: a path, or '@' and an abstract name (unix(7)); empty: there is nobody, and notify() does
  // nothing.
  static Result<ServiceManager> connect(std::string_view address);

  // One datagram of NAME=VALUE lines. Never blocks: a manager that does not read is an error (EAGAIN).
  Result<void> notify(std::string_view lines) const;
  explicit operator bool() const { return static_cast<bool>(socket_); }

 private:
  UniqueFd socket_;  // held from the start: a watchdog must hear from us when descriptors have run out
};

// How often at most the manager waits for WATCHDOG=1 of the process `self` (sd_watchdog_enabled(3)); nullopt:
// it does not, or waits for another process. Arguments: $WATCHDOG_USEC and $WATCHDOG_PID, empty if unset.
std::optional<std::chrono::microseconds> watchdog_interval(std::string_view microseconds,
                                                           std::string_view process, int self);

}  // namespace holdfast::os
