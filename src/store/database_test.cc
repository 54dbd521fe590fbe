#include "store/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/test_support.h"

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

}  // namespace
}  // namespace holdfast::store
