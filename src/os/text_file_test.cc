#include "os/text_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/ids.h"

namespace holdfast::os {
namespace {

TEST(TextFile, is_replaced_as_a_whole) {
  const auto path = std::filesystem::temp_directory_path() / ("text-file-" + random_hex(6));
  ASSERT_TRUE(write_file(path, "a longer text\n"));
  ASSERT_TRUE(write_file(path, "short\n"));
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "short\n");
  std::filesystem::remove(path);
}

TEST(TextFile, what_does_not_fit_is_an_error_even_where_only_the_buffer_shows_it) {
  const auto written = write_file("/dev/full", "text\n");
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is_errno(ENOSPC)) << written.error().message();
}

}  // namespace
}  // namespace holdfast::os
