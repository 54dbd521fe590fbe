#include "store/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/test_support.h"
#include "base/unique_fd.h"

namespace holdfast::store {
namespace {

TEST(LogFile, stays_within_its_bound_and_keeps_the_newest) {
  const test::TempDir dir;
  const auto path = dir.path() / "x.log";
  LogFile log(path, {.max_bytes = 100, .generations = 2});
  for (int i = 0; i < 50; ++i) log.append("line " + std::to_string(i) + "\n");
  std::uintmax_t total = 0;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    EXPECT_LE(entry.file_size(), 100U);
    total += entry.file_size();
    ++files;
  }
  EXPECT_EQ(files, 2);
  EXPECT_LE(total, 200U);
  EXPECT_TRUE(read_log(path, 0, 1000)->text.ends_with("line 49\n"));
  EXPECT_EQ(log.dropped_bytes(), 0);
}

TEST(LogFile, splits_what_is_longer_than_a_generation) {
  const test::TempDir dir;
  LogFile log(dir.path() / "x.log", {.max_bytes = 10, .generations = 3});
  log.append("0123456789abcdefghijXYZ");
  EXPECT_EQ(read_log(dir.path() / "x.log", 0, 100)->text, "XYZ");
  EXPECT_EQ(read_log(dir.path() / "x.log.1", 0, 100)->text, "abcdefghij");
}

TEST(LogFile, a_full_disk_drops_and_counts) {
  LogFile log("/dev/full", {});
  log.append("hello");
  log.append("again");
  EXPECT_EQ(log.dropped_bytes(), 10);
}

TEST(LogFile, says_what_is_missing_as_soon_as_it_can) {
  const test::TempDir dir;
  const auto path = dir.path() / "later" / "x.log";
  LogFile log(path, {});
  log.append("hello");
  std::filesystem::create_directory(dir.path() / "later");
  log.append("again");
  log.append("!");
  EXPECT_EQ(read_log(path, 0, 1000)->text, "\n[holdfast: 5 bytes are missing here]\nagain!");
}

TEST(LogFile, is_read_from_an_offset_or_from_the_end) {
  const test::TempDir dir;
  const auto path = dir.path() / "x.log";
  LogFile(path, {}).append("0123456789");
  EXPECT_EQ(read_log(path, 4, 3)->text, "456");
  EXPECT_EQ(read_log(path, -2, 100)->text, "89");
  EXPECT_EQ(read_log(path, 10, 5)->text, "");
  EXPECT_FALSE(read_log(dir.path() / "none", 0, 5));
}

TEST(LogFile, a_reader_follows_it_by_the_offset_it_was_given_and_starts_over_after_a_rotation) {
  const test::TempDir dir;
  const auto path = dir.path() / "x.log";
  LogFile log(path, {.max_bytes = 10, .generations = 2});
  log.append("0123456789");
  EXPECT_EQ(read_log(path, -4, 3)->next, 9);
  EXPECT_EQ(read_log(path, 9, 3)->next, 10);
  EXPECT_EQ(read_log(path, 10, 3)->next, 10);
  log.append("abc");
  const auto chunk = read_log(path, 10, 100);
  EXPECT_EQ(chunk->text, "abc");
  EXPECT_EQ(chunk->next, 3);
}

// Sealed memory stands for a file under chattr +a, which needs a privilege: it grows, and can be neither
// moved nor truncated.
TEST(LogFile, what_can_be_neither_moved_nor_emptied_drops_and_counts) {
  const UniqueFd sealed(::memfd_create("log", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_TRUE(sealed);
  ASSERT_EQ(::fcntl(sealed.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  LogFile log("/proc/self/fd/" + std::to_string(sealed.get()), {.max_bytes = 10});
  log.append("01234567");
  log.append("abcd");  // does not fit any more
  log.append("89");
  EXPECT_EQ(log.dropped_bytes(), 6);
  EXPECT_LE(std::filesystem::file_size(log.path()), 10U);
}

}  // namespace
}  // namespace holdfast::store
