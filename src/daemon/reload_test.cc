#include "daemon/reload.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "base/test_support.h"
#include "front/fakes.h"

namespace holdfast::daemon {
namespace {

using namespace std::chrono_literals;
using front::testing_tools::FakeGateway;
using front::testing_tools::FakeScheduler;

// One worker, which the test can hold up as a file system does that has gone away.
struct ReloadTest : testing::Test {
  test::TempDir dir;
  asio::io_context loop;
  std::shared_ptr<Worker> worker = std::make_shared<Worker>(4);
  FakeGateway gateway;
  FakeScheduler scheduler;
  config::Config config;
  Reloader reloader{loop.get_executor(),          worker, config, gateway, scheduler, [](config::Config&) {},
                    [](const config::Config&) {}, 50ms};

  void SetUp() override {
    config.file = (dir.path() / "config.yaml").string();
    std::ofstream(config.file) << "drain: 7s\n";
  }
  Result<front::ReloadReport> reload() { return test::wait_for(loop, reloader.reload()); }
};

TEST_F(ReloadTest, a_disk_that_does_not_answer_is_waited_for_beside_the_loop_and_not_for_ever) {
  std::promise<void> answer;
  ASSERT_TRUE(worker->post([gone = answer.get_future()] { gone.wait(); }));
  const auto refused = reload();
  EXPECT_NE(config.drain, 7s);
  answer.set_value();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::timeout));
  const auto said = refused.error().message();
  EXPECT_NE(said.find("nothing has changed: a file system has not answered in 50ms"), std::string::npos)
      << said;
  EXPECT_NE(said.find(config.file), std::string::npos) << said;

  ASSERT_TRUE(test::wait_for(loop, worker->try_run([]() -> Result<void> { return {}; }, 20s)));
  const auto applied = reload();
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_TRUE(applied->applied);
  EXPECT_EQ(config.drain, 7s);
}

TEST_F(ReloadTest, what_is_no_regular_file_or_holds_nothing_changes_nothing) {
  config.servers["s"] = {};
  std::ofstream(config.file) << "# being written\n";
  const auto empty = reload();
  ASSERT_TRUE(empty);
  EXPECT_FALSE(empty->applied);
  ASSERT_EQ(empty->problems.size(), 1U);
  EXPECT_NE(empty->problems[0].find("is empty"), std::string::npos) << empty->problems[0];

  config.file = dir.path();
  const auto directory = reload();
  ASSERT_TRUE(directory);
  EXPECT_FALSE(directory->applied);
  EXPECT_EQ(directory->problems,
            std::vector{config.file + ": error: is a directory; expected a regular file"});
  EXPECT_TRUE(config.servers.contains("s"));
}

}  // namespace
}  // namespace holdfast::daemon
