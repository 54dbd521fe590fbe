// Giving memory back when the machine is short of it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "base/task_group.h"
#include "base/unique_fd.h"

namespace holdfast::daemon {

// Calls `relieve` at each POLLPRI of `trigger` (os::open_memory_pressure), until cancelled.
asio::awaitable<void> on_pressure(UniqueFd trigger, std::function<void()> relieve);

// As long as the kernel says that tasks wait for memory, `evict` stops the longest idle instance every two
// seconds (false: there is none). Until cancelled. Where the kernel cannot say so, it logs that and returns.
asio::awaitable<void> watch_memory(std::function<bool(const std::string& reason)> evict);

}  // namespace holdfast::daemon
