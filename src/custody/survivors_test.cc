#include "custody/survivors.h"

#include <gtest/gtest.h>

namespace holdfast::custody::recovery {
namespace {

TEST(RecoveryDecision, what_is_proven_ours_is_ended) {
  EXPECT_EQ(decide({.leader_verified = true}), Act::kill);
  EXPECT_EQ(decide({.below_leader = true}), Act::kill);
  EXPECT_EQ(decide({.tagged = true}), Act::kill);
  EXPECT_EQ(decide({.in_session = true, .leader_holds_session = true}), Act::kill);
}

TEST(RecoveryDecision, a_session_number_without_its_leader_is_only_reported) {
  EXPECT_EQ(decide({.in_session = true}), Act::report);
  EXPECT_EQ(decide({.in_session = true, .tagged = true}), Act::kill);
}

TEST(RecoveryDecision, strangers_are_ignored) {
  EXPECT_EQ(decide({}), Act::ignore);
  EXPECT_EQ(decide({.leader_holds_session = true}), Act::ignore);
}

TEST(RecoveryDecision, nobody_above_the_gateway_is_ever_signalled) {
  EXPECT_EQ(decide({.tagged = true, .ancestor_of_us = true}), Act::report);
  EXPECT_EQ(decide({.below_leader = true, .ancestor_of_us = true}), Act::report);
  EXPECT_EQ(decide({.ancestor_of_us = true}), Act::ignore);
}

}  // namespace
}  // namespace holdfast::custody::recovery
