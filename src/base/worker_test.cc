#include "base/worker.h"

#include <gtest/gtest.h>

#include <latch>

#include "base/test_support.h"

namespace holdfast {
namespace {

TEST(Worker, answers_on_the_loop_that_asked) {
  asio::io_context loop;
  Worker worker;
  const auto there = test::wait_for(loop, worker.run([] { return std::this_thread::get_id(); }));
  EXPECT_NE(there, std::this_thread::get_id());
}

asio::awaitable<void> note_error(Worker& worker, std::optional<Error>& out) {
  auto answer = co_await worker.try_run([]() -> Result<void> { return {}; }, std::chrono::minutes(1));
  if (!answer) out = answer.error();
}

// A job that holds the thread until it is let go.
struct Block {
  std::latch entered{1}, release{1};
  Result<void> pass() {
    entered.count_down();
    release.wait();
    return {};
  }
};
asio::awaitable<void> hold(Worker& worker, Block& block) {
  (void)co_await worker.run([&block] { return block.pass(); });
}

TEST(Worker, a_full_queue_is_an_error_and_queued_work_is_done_before_the_join) {
  asio::io_context loop;
  Block block;
  TaskGroup group(loop.get_executor());
  std::optional<Error> first, second;
  {
    Worker worker(1);
    group.spawn("block", hold(worker, block));
    loop.poll();
    block.entered.wait();
    group.spawn("fits", note_error(worker, first));
    group.spawn("does not", note_error(worker, second));
    loop.poll();
    EXPECT_FALSE(first);
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->is(Errc::limit));
    block.release.count_down();
  }
  loop.restart();
  loop.run();
  EXPECT_EQ(group.running(), 0U);
  EXPECT_FALSE(first);
}

TEST(Worker, patience_ends_the_wait_and_not_the_job) {
  asio::io_context loop;
  Block block;
  {
    Worker worker;
    const auto answer = test::wait_for(
        loop, worker.try_run([&block] { return block.pass(); }, std::chrono::milliseconds(20)));
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().is(Errc::timeout));
    block.release.count_down();
  }
  EXPECT_TRUE(block.entered.try_wait());
}

}  // namespace
}  // namespace holdfast
