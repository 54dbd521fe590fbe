// The addresses of a name.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/task_group.h"
#include "base/worker.h"

namespace holdfast::net {

// In the order in which to try them, at least one. getaddrinfo(3) cannot be cut short, so it runs on a thread
// that is made for it: `names`, which may be shared, and hangs for as long as the system's resolver does.
// Errors: not_found (in the resolver's words), timeout, limit (too many wait for that thread).
asio::awaitable<Result<std::vector<Address>>> resolve(std::shared_ptr<Worker> names, std::string host,
                                                      std::uint16_t port,
                                                      std::chrono::steady_clock::time_point deadline);

}  // namespace holdfast::net
