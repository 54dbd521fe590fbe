#include "base/wall_clock.h"

#include <gtest/gtest.h>

namespace holdfast {

using namespace std::chrono_literals;

TEST(WallClock, writes_rfc_3339) {
  const SystemTime time(1'800'000'000s + 7ms);
  EXPECT_EQ(rfc3339(time), "2027-01-15T08:00:00Z");
  EXPECT_EQ(rfc3339_milliseconds(time), "2027-01-15T08:00:00.007Z");
}

TEST(WallClock, cuts_towards_the_past_before_1970_too) {
  EXPECT_EQ(rfc3339(SystemTime(-1ms)), "1969-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339_milliseconds(SystemTime(-1ms)), "1969-12-31T23:59:59.999Z");
}

}  // namespace holdfast
