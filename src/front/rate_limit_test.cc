#include "front/rate_limit.h"

#include <gtest/gtest.h>

namespace holdfast::front {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

gateway::PrincipalPtr somebody() { return std::make_shared<const gateway::Principal>(); }

TEST(RateLimit, a_burst_then_as_many_as_time_brings) {
  RateLimit limit(10);
  const auto who = somebody();
  auto now = steady_clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(limit.refuse(who, now)) << i;
  EXPECT_EQ(limit.refuse(who, now), milliseconds(100));
  EXPECT_EQ(limit.refuse(who, now + milliseconds(40)), milliseconds(60));  // who is refused is not counted
  EXPECT_FALSE(limit.refuse(who, now + milliseconds(100)));
  EXPECT_TRUE(limit.refuse(who, now + milliseconds(100)));
  now += std::chrono::hours(1);  // a bucket holds no more for having waited longer
  int let_through = 0;
  while (let_through < 100 && !limit.refuse(who, now)) ++let_through;
  EXPECT_EQ(let_through, 20);
}

TEST(RateLimit, one_client_takes_nothing_from_another) {
  RateLimit limit(1);
  const auto greedy = somebody(), modest = somebody();
  const auto now = steady_clock::now();
  int let_through = 0;
  while (let_through < 100 && !limit.refuse(greedy, now)) ++let_through;
  EXPECT_EQ(let_through, 2);
  EXPECT_FALSE(limit.refuse(modest, now));
}

TEST(RateLimit, who_comes_after_one_that_is_gone_starts_anew) {
  RateLimit limit(1);
  const auto now = steady_clock::now();
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(limit.refuse(somebody(), now)) << i;
}

TEST(RateLimit, none_lets_all_through) {
  RateLimit limit(0);
  const auto who = somebody();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(limit.refuse(who, steady_clock::now()));
}

}  // namespace
}  // namespace holdfast::front
