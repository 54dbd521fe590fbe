#include "store/disk_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "store/test_support.h"

namespace holdfast::store {
namespace {

TEST(DiskThread, answers_on_the_loop_that_asked) {
  asio::io_context loop;
  DiskThread disk;
  const auto here = std::this_thread::get_id();
  const auto there =
      test::wait_for(loop, disk.run([]() -> Result<std::thread::id> { return std::this_thread::get_id(); }));
  ASSERT_TRUE(there);
  EXPECT_NE(*there, here);
}

asio::awaitable<void> note_error(DiskThread& disk, std::optional<Error>& out) {
  auto answer = co_await disk.run([]() -> Result<void> { return {}; });
  if (!answer) out = answer.error();
}

TEST(DiskThread, a_full_queue_is_an_error_and_queued_work_is_done_before_the_join) {
  asio::io_context loop;
  std::latch entered(1), release(1);
  TaskGroup group(loop.get_executor());
  std::optional<Error> first, second;
  {
    DiskThread disk(1);
    struct Block {
      static asio::awaitable<void> it(DiskThread& d, std::latch& in, std::latch& out) {
        (void)co_await d.run([&]() -> Result<void> {
          in.count_down();
          out.wait();
          return {};
        });
      }
    };
    group.spawn("block", Block::it(disk, entered, release));
    loop.poll();
    entered.wait();
    group.spawn("fits", note_error(disk, first));
    group.spawn("does not", note_error(disk, second));
    loop.poll();
    EXPECT_FALSE(first);
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->is(Errc::limit));
    release.count_down();
  }
  loop.restart();
  loop.run();
  EXPECT_EQ(group.running(), 0U);
  EXPECT_FALSE(first);
}

}  // namespace
}  // namespace holdfast::store
