// One permanent thread for what blocks: starting and killing processes (custody), waiting for a disk (store).
// Jobs run in the order in which they came, one at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

#include "base/duration.h"
#include "base/result.h"
#include "base/task_group.h"

namespace holdfast {

class Worker {
 public:
  explicit Worker(std::size_t queue_limit = 4096);  // of jobs that wait, for try_run() and post()
  ~Worker();                                        // does what is queued, then joins
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `job` on the thread and hands its value back on the awaiting coroutine's executor. Always taken: no
  // more jobs wait than coroutines await them. Cut short neither by cancellation nor by time: the job bounds
  // itself, and its value has to be disposed of.
  template <class F>
  asio::awaitable<std::invoke_result_t<F&>> run(F job) {
    const auto slot = std::make_shared<Slot<F>>(co_await asio::this_coro::executor, std::move(job));
    (void)push(task(slot), kNoLimit);
    while (!co_await slot->done.wait_until(std::chrono::steady_clock::now() + kSecondLook)) {
    }
    co_return std::move(*slot->value);
  }

  // For a job that nobody waits for. False: the queue is full; it will not run.
  bool post(std::move_only_function<void()> job) { return push(std::move(job), queue_limit_); }

  // The same as run() for a job that returns Result<T> and whose value nobody misses. Not cut short by
  // cancellation: a half-known write is worse than a short wait. Errors: limit (the queue is full; it will
  // not run), timeout (not done within `patience`; it may still be done later), and those of the job.
  template <class F>
  asio::awaitable<std::invoke_result_t<F&>> try_run(F job, std::chrono::milliseconds patience) {
    const auto slot = std::make_shared<Slot<F>>(co_await asio::this_coro::executor, std::move(job));
    if (!push(task(slot), queue_limit_)) co_return fail(Errc::limit, "worker", "too many jobs wait for it");
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!slot->done.is_set() && std::chrono::steady_clock::now() < deadline)
      (void)co_await slot->done.wait_until(deadline);
    if (!slot->done.is_set())
      co_return fail(Errc::timeout, "worker", "not done in " + format_duration(patience));
    co_return std::move(*slot->value);
  }

 private:
  using Task = std::move_only_function<void()>;
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  static constexpr std::chrono::minutes kSecondLook{1};

  template <class F>
  struct Slot {
    Slot(asio::any_io_executor loop, F given)
        : executor(std::move(loop)), job(std::move(given)), done(executor) {}
    asio::any_io_executor executor;
    F job;
    std::optional<std::invoke_result_t<F&>> value;
    Event done;  // loop thread only; `value` is read after it
  };
  template <class F>
  static Task task(std::shared_ptr<Slot<F>> slot) {
    return [slot = std::move(slot)]() mutable {
      slot->value.emplace(slot->job());
      // What the job holds may own this thread, and the event belongs to the loop: the last reference goes
      // there.
      const asio::any_io_executor executor = slot->executor;
      asio::post(executor, [slot = std::move(slot)] { slot->done.set(); });
    };
  }

  bool push(Task task, std::size_t limit);  // false: that many wait already
  void serve();

  const std::size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace holdfast
