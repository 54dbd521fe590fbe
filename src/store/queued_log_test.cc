#include "store/queued_log.h"

#include <gtest/gtest.h>

#include <future>

#include "base/test_support.h"
#include "base/worker.h"

namespace holdfast::store {
namespace {

using namespace std::chrono_literals;

class QueuedLogTest : public testing::Test {
 protected:
  // The disk answers nobody until the promise is kept.
  void hang() {
    ASSERT_TRUE(disk->post([answer = answers.get_future()] { answer.wait_for(20s); }));
  }
  void flush(QueuedLog& log) { ASSERT_TRUE(test::wait_for(loop, log.flush(20s))); }
  [[nodiscard]] std::string written() const { return read_log(path, 0, 1000)->text; }

  test::TempDir dir;
  const std::filesystem::path path = dir.path() / "x.log";
  asio::io_context loop;
  std::promise<void> answers;
  std::shared_ptr<Worker> disk = std::make_shared<Worker>();
};

TEST_F(QueuedLogTest, is_written_in_order_and_is_there_when_it_is_empty) {
  QueuedLog log(disk, path, {});
  flush(log);
  EXPECT_EQ(written(), "");
  std::string said;
  for (int i = 0; i < 100; ++i) {
    log.append(std::to_string(i));
    said += std::to_string(i);
  }
  flush(log);
  EXPECT_EQ(written(), said);
  EXPECT_EQ(log.dropped_bytes(), 0);
}

TEST_F(QueuedLogTest, a_disk_that_hangs_holds_nobody_and_the_log_says_what_is_missing_and_where) {
  hang();
  QueuedLog log(disk, path, {.max_bytes = 100, .generations = 2});
  const std::string fits(90, 'a');
  log.append(fits);
  log.append("0123456789abcdefghij");
  log.append("z");  // would fit, but what was before it is missing
  EXPECT_EQ(log.dropped_bytes(), 11);
  EXPECT_FALSE(test::wait_for(loop, log.flush(10ms)));
  answers.set_value();
  flush(log);
  log.append("on\n");
  flush(log);
  EXPECT_EQ(read_log(path.native() + ".1", 0, 1000)->text, fits + "0123456789");
  EXPECT_EQ(written(), "\n[holdfast: 11 bytes are missing here]\non\n");
  EXPECT_EQ(log.dropped_bytes(), 11);
}

TEST_F(QueuedLogTest, what_waits_is_written_when_its_writer_has_gone) {
  hang();
  QueuedLog(disk, path, {}).append("the last words");
  answers.set_value();
  disk.reset();
  EXPECT_EQ(written(), "the last words");
}

}  // namespace
}  // namespace holdfast::store
