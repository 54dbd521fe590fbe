// One permanent thread for what blocks: starting and killing processes (custody), writing to the disk (store). Jobs run in
// the order in which they came, one at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

#include "base/task_group.h"

namespace holdfast {

class Worker {
 public:
  Worker();
  ~Worker();  // finishes the job it is at, drops the others, joins
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `job` on the thread and hands its value back on the awaiting coroutine's executor. As many jobs wait as coroutines
  // await them. Not cut short by cancellation: every job bounds itself, and its result has to be disposed of.
  template <class F>
  asio::awaitable<std::invoke_result_t<F>> run(F job) {
    using R = std::invoke_result_t<F>;
    struct Slot {
      Slot(const asio::any_io_executor& executor, F given) : job(std::move(given)), done(executor) {}
      F job;
      std::optional<R> value;
      Event done;
    };
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    auto slot = std::make_shared<Slot>(executor, std::move(job));
    push([slot, executor]() mutable {
      slot->value.emplace(slot->job());
      // What the job holds may own this thread, and the event belongs to the loop: the last reference goes
      // there.
      asio::post(executor, [slot = std::move(slot)] { slot->done.set(); });
    });
    while (!co_await slot->done.wait_until(std::chrono::steady_clock::now() + std::chrono::minutes(1))) {
    }
    co_return std::move(*slot->value);
  }

 private:
  void push(std::move_only_function<void()> job);
  void serve();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> jobs_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace holdfast
