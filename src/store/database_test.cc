#include "store/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "base/test_support.h"
#include "needs.h"
#include "os/descriptors.h"

namespace holdfast::store {
namespace {

TEST(Database, is_made_and_opened_again) {
  const test::TempDir dir;
  ASSERT_TRUE(Database::open(dir.path() / "a.db"));
  auto again = Database::open(dir.path() / "a.db");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->claims().execAndGet("PRAGMA synchronous").getInt(), 2);
  EXPECT_EQ(again->history().execAndGet("PRAGMA synchronous").getInt(), 1);
  EXPECT_EQ(again->history().execAndGet("PRAGMA journal_mode").getString(), "wal");
}

TEST(Database, of_a_newer_version_is_refused) {
  const test::TempDir dir;
  ASSERT_TRUE(Database::open(dir.path() / "a.db"));
  SQLite::Database((dir.path() / "a.db").native(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version=99");
  const auto refused = Database::open(dir.path() / "a.db");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::refused));
  EXPECT_NE(refused.error().message().find("newer version"), std::string::npos) << refused.error().message();
}

TEST(Database, that_is_no_database_is_an_error_value) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "a.db") << std::string(8192, 'x');
  const auto broken = Database::open(dir.path() / "a.db");
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().is(Errc::invalid)) << broken.error().message();
  EXPECT_NE(broken.error().message().find("a.db"), std::string::npos);
}

TEST(Database, in_a_folder_that_does_not_exist_is_an_error_value) {
  const auto missing = Database::open("/nonexistent/holdfast/a.db");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is_errno(EACCES)) << missing.error().message();
}

// However many are lacking.
TEST(Database, that_finds_no_descriptor_says_so) {
  HOLDFAST_NEEDS(
      "descriptors", !__has_feature(undefined_behavior_sanitizer),
      "UBSan looks at an object's memory through a pipe, and takes the lack of one for a bad object");
  const test::TempDir dir;
  ASSERT_TRUE(Database::open(dir.path() / "a.db"));
  const auto before = os::descriptor_limit();
  ASSERT_TRUE(before);
  const UniqueFd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<std::string> said;
  for (int spare = 1; spare < 16; ++spare) {
    const struct rlimit few{.rlim_cur = static_cast<rlim_t>(lowest.get() + spare), .rlim_max = before->hard};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    if (const auto opened = Database::open(dir.path() / "a.db"); !opened)
      said.push_back(opened.error().is_errno(EMFILE) ? "EMFILE" : opened.error().message());
  }
  const struct rlimit again{.rlim_cur = before->soft, .rlim_max = before->hard};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &again), 0);
  EXPECT_GT(said.size(), 2U);
  EXPECT_THAT(said, testing::Each("EMFILE"));
  EXPECT_TRUE(Database::open(dir.path() / "a.db"));
}

}  // namespace
}  // namespace holdfast::store
