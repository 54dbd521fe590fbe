// One thread for everything that may wait for a disk, with a bounded queue.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "base/task_group.h"

namespace holdfast::store {

class DiskThread {
 public:
  explicit DiskThread(std::size_t queue_limit = 4096);
  ~DiskThread();  // does what is queued, then joins
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // Runs `work` (a callable that returns Result<T>) on the thread and answers on the caller's loop.
  // Cancelling does not interrupt it: a half-known write is worse than a short wait. Errors: limit (queue
  // full), timeout (not done in a minute; it may still be done later), and those of `work`.
  template <class Work>
  auto run(Work work) -> asio::awaitable<std::invoke_result_t<Work&>>;

 private:
  bool push(std::move_only_function<void()> job);  // false: full
  void loop();

  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<std::move_only_function<void()>> queue_;
  std::size_t limit_;
  bool stopping_ = false;
  std::thread thread_;
};

template <class Work>
auto DiskThread::run(Work work) -> asio::awaitable<std::invoke_result_t<Work&>> {
  using Answer = std::invoke_result_t<Work&>;
  struct Shared {
    explicit Shared(const asio::any_io_executor& executor) : done(executor) {}
    std::optional<Answer> answer;
    Event done;
  };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<Shared>(executor);
  const bool queued = push([shared, executor, work = std::move(work)]() mutable {
    // The loop owns `shared`; it gets the answer by value, so that only one thread ever touches it.
    asio::post(executor, [answer = std::optional<Answer>(work()), shared = std::move(shared)]() mutable {
      shared->answer = std::move(answer);
      shared->done.set();
    });
  });
  if (!queued) co_return fail(Errc::limit, "disk", "too many writes are waiting for the disk");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!shared->done.is_set() && std::chrono::steady_clock::now() < deadline)
    (void)co_await shared->done.wait_until(deadline);
  if (!shared->answer) co_return fail(Errc::timeout, "disk", "the disk did not answer in a minute");
  co_return std::move(*shared->answer);
}

}  // namespace holdfast::store
