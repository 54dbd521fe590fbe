#include "daemon/state_watch.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace holdfast::daemon {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct StateWatchTest : testing::Test {
  test::TempDir dir;
  fs::path state = dir.path() / "state", aside = dir.path() / "aside";
  asio::io_context loop;
  StateLock lock = *StateLock::take(state);
  StateWatch watch{lock.file(), std::make_shared<Worker>(4), 5ms};
  TaskGroup tasks{loop.get_executor()};

  void SetUp() override { tasks.spawn("watch", watch.run()); }
  ~StateWatchTest() override {
    tasks.cancel();
    loop.run();
  }
  bool becomes(bool warned) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (watch.warning().empty() == warned && std::chrono::steady_clock::now() < end)
      loop.run_one_for(10ms);
    return watch.warning().empty() != warned;
  }
};

TEST_F(StateWatchTest, says_nothing_while_the_lock_is_there) {
  loop.run_for(100ms);
  EXPECT_EQ(watch.warning(), "");
}

TEST_F(StateWatchTest, a_removed_state_directory_is_noticed_and_what_comes_after_it_is_another) {
  fs::remove_all(state);
  ASSERT_TRUE(becomes(true));
  EXPECT_NE(watch.warning().find((state / "lock").string()), std::string::npos);
  EXPECT_NE(watch.warning().find("restart this gateway"), std::string::npos);
  EXPECT_TRUE(StateLock::take(state)) << "which is what it warns of";
  loop.run_for(100ms);
  EXPECT_NE(watch.warning(), "");
}

TEST_F(StateWatchTest, one_that_was_moved_away_and_comes_back_is_the_same) {
  fs::rename(state, aside);
  ASSERT_TRUE(becomes(true));
  fs::rename(aside, state);
  EXPECT_TRUE(becomes(false));
}

TEST_F(StateWatchTest, who_cannot_look_has_seen_nothing) {
  fs::rename(state, aside);
  fs::create_symlink(state, state);  // ELOOP
  loop.run_for(100ms);
  EXPECT_EQ(watch.warning(), "");
}

}  // namespace
}  // namespace holdfast::daemon
