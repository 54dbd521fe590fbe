// Coroutines with an owner. Nothing in Holdfast is detached: whoever starts a coroutine either awaits it or
// puts it into a group that its owner cancels and joins.
//
// In a group's coroutine (and all that it awaits) cancellation is a value, never an exception: the await that
// was interrupted reports operation_aborted, false or Errc::cancelled, and clean-up may go on awaiting.
// Asio's `||` and `&&` start coroutines of their own that throw again, so they are not used: wait for a Event
// with a deadline instead.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace holdfast {

namespace asio = boost::asio;

// Belongs to one loop thread. An exception that leaves a coroutine of the group is a programmer error:
// logged, aborts.
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  ~TaskGroup();  // cancels what still runs; the coroutines end on the loop, holding only their own captures
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`; `name` (a literal) appears in the log if it fails.
  void spawn(std::string_view name, asio::awaitable<void> task);

  // Emits terminal cancellation into every running coroutine. They may still run to their own end.
  void cancel();

  // Waits until none runs. False: `deadline` passed first.
  asio::awaitable<bool> join(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] std::size_t running() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// An event that coroutines of one loop wait for, again and again: set() wakes all who wait now, and whoever
// waits later returns at once until clear(). Awaits return true if set, false at the deadline or on
// cancellation.
class Event {
 public:
  explicit Event(const asio::any_io_executor& executor);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void set();
  void clear();
  [[nodiscard]] bool is_set() const;
  asio::awaitable<bool> wait_until(std::chrono::steady_clock::time_point deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Sleeps until `deadline`. False: cancelled meanwhile.
asio::awaitable<bool> sleep_until(std::chrono::steady_clock::time_point deadline);

// True if the coroutine that asks has been cancelled.
asio::awaitable<bool> is_cancelled();

}  // namespace holdfast
