#include "custody/identity.h"

#include <gtest/gtest.h>

namespace holdfast::custody {
namespace {

constexpr Identity kRecorded{.pid = 100, .start_ticks = 5, .handle = 0};
constexpr uid_t kUid = 1000;

Observed lookalike() {
  return {.same_boot = true, .alive = true, .start_ticks = 5, .uid = kUid, .marked = true};
}

TEST(Identity, a_handle_proves_alone) {
  EXPECT_EQ(judge(kRecorded, kUid, {.same_boot = true, .alive = true, .handle_names_it = true}),
            Verdict::ours);
  EXPECT_EQ(judge(kRecorded, kUid, {.same_boot = true, .alive = false, .handle_names_it = true}),
            Verdict::gone);
}

TEST(Identity, a_stale_handle_means_gone_whoever_has_the_number_now) {
  auto seen = lookalike();
  seen.handle_refused = true;
  EXPECT_EQ(judge(kRecorded, kUid, seen), Verdict::gone);
}

TEST(Identity, without_a_handle_start_time_user_and_mark_must_all_agree) {
  EXPECT_EQ(judge(kRecorded, kUid, lookalike()), Verdict::ours);
  auto seen = lookalike();
  seen.start_ticks = 6;
  EXPECT_EQ(judge(kRecorded, kUid, seen), Verdict::gone) << "L38: a successor of the number";
  seen = lookalike();
  seen.marked = false;
  EXPECT_EQ(judge(kRecorded, kUid, seen), Verdict::unprovable) << "the same tick proves nothing";
  seen = lookalike();
  seen.uid = 0;
  EXPECT_EQ(judge(kRecorded, kUid, seen), Verdict::unprovable);
}

TEST(Identity, nothing_of_another_boot_is_ours) {
  auto seen = lookalike();
  seen.same_boot = false;
  EXPECT_EQ(judge(kRecorded, kUid, seen), Verdict::gone);
  EXPECT_EQ(judge({}, kUid, lookalike()), Verdict::gone) << "an intent without identity names nobody";
}

}  // namespace
}  // namespace holdfast::custody
