#include "store/log_file.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace holdfast::store {
namespace {

TEST(LogFile, stays_within_its_bound_and_keeps_the_newest) {
  const test::TempDir dir;
  const auto path = dir.path() / "x.log";
  auto log = LogFile::open(path, {.max_bytes = 100, .generations = 2});
  ASSERT_TRUE(log);
  for (int i = 0; i < 50; ++i) log->append("line " + std::to_string(i) + "\n");
  std::uintmax_t total = 0;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    EXPECT_LE(entry.file_size(), 100U);
    total += entry.file_size();
    ++files;
  }
  EXPECT_EQ(files, 2);
  EXPECT_LE(total, 200U);
  EXPECT_TRUE(read_log(path, 0, 1000)->ends_with("line 49\n"));
  EXPECT_EQ(log->dropped_bytes(), 0);
}

TEST(LogFile, splits_what_is_longer_than_a_generation) {
  const test::TempDir dir;
  auto log = LogFile::open(dir.path() / "x.log", {.max_bytes = 10, .generations = 3});
  log->append("0123456789abcdefghijXYZ");
  EXPECT_EQ(*read_log(dir.path() / "x.log", 0, 100), "XYZ");
  EXPECT_EQ(*read_log(dir.path() / "x.log.1", 0, 100), "abcdefghij");
}

TEST(LogFile, a_full_disk_drops_and_counts) {
  auto log = LogFile::open("/dev/full", {});
  ASSERT_TRUE(log);
  log->append("hello");
  log->append("again");
  EXPECT_EQ(log->dropped_bytes(), 10);
}

TEST(LogFile, is_read_from_an_offset_or_from_the_end) {
  const test::TempDir dir;
  const auto path = dir.path() / "x.log";
  LogFile::open(path, {})->append("0123456789");
  EXPECT_EQ(*read_log(path, 4, 3), "456");
  EXPECT_EQ(*read_log(path, -2, 100), "89");
  EXPECT_EQ(*read_log(path, 99, 5), "");
  EXPECT_FALSE(read_log(dir.path() / "none", 0, 5));
}

}  // namespace
}  // namespace holdfast::store
