// One at a time, in the order of asking: for a server that takes one call after the other (`concurrency:
// serial`).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <list>
#include <utility>

#include "base/result.h"
#include "base/task_group.h"

namespace holdfast::gateway {

// Belongs to one loop thread; outlives its turns and whoever waits.
class Turnstile {
 public:
  // Move-only. Its end lets the next one through.
  class Turn {
   public:
    Turn() = default;
    explicit Turn(Turnstile& turnstile) : turnstile_(&turnstile) {}
    Turn(Turn&& other) noexcept : turnstile_(std::exchange(other.turnstile_, nullptr)) {}
    Turn& operator=(Turn&& other) noexcept {
      std::swap(turnstile_, other.turnstile_);
      return *this;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (turnstile_) turnstile_->pass_on();
    }

   private:
    Turnstile* turnstile_ = nullptr;
  };

  Turnstile(asio::any_io_executor executor, std::size_t most_waiting)
      : executor_(std::move(executor)), most_waiting_(most_waiting) {}
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  // Errors: limit (so many wait already), timeout, cancelled.
  asio::awaitable<Result<Turn>> enter(std::chrono::steady_clock::time_point deadline);

 private:
  class Waiter;
  void pass_on() noexcept;

  asio::any_io_executor executor_;
  std::size_t most_waiting_;
  bool taken_ = false;
  std::list<Waiter*> waiting_;
};

}  // namespace holdfast::gateway
