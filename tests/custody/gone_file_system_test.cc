// I9: the paths of a server are looked at by its own keeper alone, so one that never answers holds up nobody
// else.
#include <gmock/gmock.h>

#include "gone_file_system.h"
#include "lab.h"
#include "needs.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;
using Started = std::optional<Result<std::shared_ptr<Tree>>>;

asio::awaitable<void> start(Custodian& custodian, TreeSpec spec, Started& out) {
  out = co_await custodian.start(std::move(spec));
}

TEST(GoneFileSystem, I9_one_that_never_answers_fails_the_starts_that_need_it_and_delays_nobody) {
  const test::GoneFileSystem gone(test::GoneFileSystem::Sleep::killable);
  HOLDFAST_NEEDS("fuse", gone, gone.why_not());
  Lab lab;
  lab.start_limit = 3s;
  lab.reopen();
  const auto before = lab.start(lab.script("exec cat"));
  TreeSpec by_name = lab.program("tool");
  by_name.command.environment.front() = "PATH=" + gone.path() + ":/bin";
  TreeSpec in_directory = lab.script("exec cat");
  in_directory.command.cwd = gone.path();
  std::array<TreeSpec, 3> specs{lab.program(gone.path() + "/tool"), by_name, in_directory};
  std::array<Started, 3> hang;
  TaskGroup group(lab.loop.get_executor());
  for (std::size_t i = 0; i < specs.size(); ++i)
    group.spawn("start", start(*lab.custodian, specs[i], hang[i]));
  EXPECT_TRUE(lab.until([&] { return lab.custodian->trees().size() == 4; }));

  const auto after = lab.start(lab.script("exec cat"));
  ASSERT_TRUE(after);
  for (const auto& tree : {before, after}) EXPECT_TRUE(lab.run(lab.custodian->stop(tree, "test")));
  for (const auto& one : hang) EXPECT_FALSE(one) << "it did not hang, so this says nothing";

  EXPECT_TRUE(lab.until([&] { return group.running() == 0; }));
  for (const auto& one : hang) {
    ASSERT_TRUE(one);
    ASSERT_FALSE(one->has_value());
    EXPECT_TRUE(one->error().is(Errc::timeout));
    EXPECT_THAT(one->error().message(), ::testing::HasSubstr("a file system does not answer"));
    EXPECT_THAT(one->error().message(), ::testing::HasSubstr(gone.path()));
  }
  EXPECT_TRUE(lab.nothing_left());
  EXPECT_TRUE(lab.custodian->trees().empty());
}

}  // namespace
}  // namespace holdfast::custody
