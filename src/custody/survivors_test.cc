#include "custody/survivors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "custody/identity.h"

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

TEST(RecoveryDecision, L41_strangers_are_ignored) {
  EXPECT_EQ(decide({}), Act::ignore);
  EXPECT_EQ(decide({.leader_holds_session = true}), Act::ignore);
}

TEST(RecoveryDecision, nobody_above_the_gateway_is_ever_signalled) {
  EXPECT_EQ(decide({.tagged = true, .ancestor_of_us = true}), Act::report);
  EXPECT_EQ(decide({.below_leader = true, .ancestor_of_us = true}), Act::report);
  EXPECT_EQ(decide({.ancestor_of_us = true}), Act::ignore);
}

// Found by faults at every call: one refused look at /proc, and the entries of the living were dropped.
TEST(Survivors, who_cannot_look_has_proven_nothing) {
  LedgerEntry entry;
  entry.id = entry.tag = "nobody";
  entry.keeper.pid = entry.leader.pid = 999'999'999;
  EXPECT_FALSE(end_survivors({entry}, milliseconds(10)).at(0).blind);
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = before;
  none.rlim_cur = 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto outcomes = end_survivors({entry}, milliseconds(10));
  const auto self = find({.pid = ::getpid(), .start_ticks = 1}, ::getuid(), {.tag = "nobody"});
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(outcomes.at(0).blind);
  EXPECT_EQ(self.verdict, Verdict::unprovable);
}

}  // namespace
}  // namespace holdfast::custody::recovery
