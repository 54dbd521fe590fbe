// The gateway as a program.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "daemon/paths.h"

namespace holdfast::daemon {

// Exit codes of every command (docs/holdfast.1).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNoGateway = 69;
inline constexpr int kExitLocked = 75;
inline constexpr int kExitNotPermitted = 77;
inline constexpr int kExitConfiguration = 78;

struct ServeOptions : PathOptions {
  std::vector<std::string> listen;  // not empty: instead of the configuration's
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

// Runs the gateway in the foreground until it has drained and stopped. The exit code.
int serve(const ServeOptions& options);

}  // namespace holdfast::daemon
