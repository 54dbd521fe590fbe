#include "daemon/service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/log.h"
#include "base/mutant.h"

namespace holdfast::daemon {

Service::Service(const Environment& environment) {
  auto manager = os::ServiceManager::connect(environment("NOTIFY_SOCKET").value_or(""));
  if (!manager) {
    log::warn("service_manager.unreachable", {{"error", manager.error().message()}});
    return;
  }
  manager_ = std::move(*manager);
  interval_ = os::watchdog_interval(environment("WATCHDOG_USEC").value_or(""),
                                    environment("WATCHDOG_PID").value_or(""), ::getpid());
}

void Service::ready() {
  if (kSwitchedOff != Mechanism::readiness) say("READY=1\nSTATUS=serving");
}

void Service::stopping(milliseconds longest) {
  if (kSwitchedOff == Mechanism::readiness) return;
  say(fmt::format("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC={}",
                  std::chrono::microseconds(longest).count()));
}

asio::awaitable<void> Service::keep_alive() {
  if (!manager_ || !interval_ || kSwitchedOff == Mechanism::watchdog) co_return;
  do {
    say("WATCHDOG=1");
  } while (co_await sleep_until(std::chrono::steady_clock::now() + *interval_ / 2));
}

void Service::say(std::string_view lines) {
  if (auto said = manager_.notify(lines); !said)
    log::warn("service_manager.not_told", {{"error", said.error().message()}});
}

}  // namespace holdfast::daemon
