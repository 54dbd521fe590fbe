#include "base/duration.h"

#include <gtest/gtest.h>

namespace holdfast {

TEST(Duration, reads_what_people_write) {
  EXPECT_EQ(parse_duration("500ms").value(), milliseconds(500));
  EXPECT_EQ(parse_duration("30s").value(), milliseconds(30'000));
  EXPECT_EQ(parse_duration("10m").value(), milliseconds(600'000));
  EXPECT_EQ(parse_duration("1h30m").value(), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("7d").value(), milliseconds(604'800'000));
  EXPECT_EQ(parse_duration("2").value(), milliseconds(2'000));
  EXPECT_EQ(parse_duration("0.5").value(), milliseconds(500));
  EXPECT_EQ(parse_duration("1.5s").value(), milliseconds(1'500));
  EXPECT_EQ(parse_duration("0").value(), milliseconds(0));
  EXPECT_EQ(parse_duration("0.0014s").value(), milliseconds(1)) << "rounded";
  EXPECT_EQ(parse_duration("0.0015s").value(), milliseconds(2));
  EXPECT_EQ(parse_duration("0.25h30s").value(), milliseconds(930'000));
  EXPECT_EQ(parse_duration("3650d").value(), milliseconds(315'360'000'000));
}

TEST(Duration, refuses_what_cannot_be_meant) {
  for (const char* text : {"", "s", "-1s", "5x", "10 m", "1s2", "1s 2s", "4000d", "nan", "1e9s", ".", ".s",
                           "3650.1d", "99999999999999999999", "315360000001ms", "0x1s", "+1s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, prints_the_shortest_form) {
  EXPECT_EQ(format_duration(milliseconds(90'000)), "1m30s");
  EXPECT_EQ(format_duration(milliseconds(0)), "0s");
  EXPECT_EQ(format_duration(milliseconds(1'250)), "1s250ms");
  EXPECT_EQ(format_duration(milliseconds(86'400'000)), "1d");
}

TEST(Size, reads_powers_of_1024) {
  EXPECT_EQ(parse_size("512M").value(), 512LL << 20);
  EXPECT_EQ(parse_size("2G").value(), 2LL << 30);
  EXPECT_EQ(parse_size("64MiB").value(), 64LL << 20);
  EXPECT_EQ(parse_size("100").value(), 100);
  for (const char* text : {"", "M", "-1", "5x", "9999999999999999G", "1MM"})
    EXPECT_FALSE(parse_size(text)) << text;
}

}  // namespace holdfast
