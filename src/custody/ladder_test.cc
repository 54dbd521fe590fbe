#include "custody/ladder.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::custody {
namespace {

using S = LadderState;
using E = LadderEvent;

const std::vector<S> kStates{S::serving, S::handed, S::eof, S::term, S::kill, S::done};
const std::vector<E> kEvents{E::stop,          E::gateway_gone,   E::keeper_gone, E::leader_left,
                             E::leader_handed, E::successor_left, E::deadline,    E::empty,
                             E::terminate,     E::caller_gone,    E::input_back};

TEST(Ladder, a_stop_climbs_rung_by_rung_as_time_passes) {
  LadderStep step = advance(S::serving, E::stop);
  EXPECT_EQ(step.next, S::eof);
  EXPECT_EQ(step.grace, Grace::eof);
  EXPECT_TRUE(step.entered);
  step = advance(step.next, E::deadline);
  EXPECT_EQ(step.next, S::term);
  EXPECT_EQ(step.grace, Grace::term);
  EXPECT_TRUE(step.entered);
  step = advance(step.next, E::deadline);
  EXPECT_EQ(step.next, S::kill);
  EXPECT_EQ(step.grace, Grace::patience);
  EXPECT_TRUE(step.entered);
  step = advance(step.next, E::deadline);
  EXPECT_EQ(step.next, S::kill);
  EXPECT_TRUE(step.entered) << "killing goes on";
  EXPECT_EQ(advance(S::kill, E::empty).next, S::done);
}

TEST(Ladder, never_goes_back_down_but_for_an_end_of_input_that_was_none) {
  for (const S state : kStates) {
    for (const E event : kEvents)
      if (state != S::eof || event != E::input_back)
        EXPECT_GE(advance(state, event).next, state) << to_string(state) << to_string(event);
  }
}

TEST(Ladder, a_second_stop_neither_escalates_nor_prolongs) {
  for (const S state : {S::eof, S::term, S::kill}) {
    const LadderStep step = advance(state, E::stop);
    EXPECT_EQ(step.next, state);
    EXPECT_EQ(step.grace, Grace::keep);
    EXPECT_FALSE(step.entered);
  }
}

TEST(Ladder, a_dead_gateway_means_the_short_ladder) {
  for (const S state : {S::serving, S::handed, S::eof}) {
    const LadderStep step = advance(state, E::gateway_gone);
    EXPECT_EQ(step.next, S::term);
    EXPECT_EQ(step.grace, Grace::lost);
    EXPECT_TRUE(step.entered);
  }
  EXPECT_EQ(advance(S::term, E::gateway_gone).grace, Grace::lost);
  EXPECT_FALSE(advance(S::term, E::gateway_gone).entered) << "a second SIGTERM means force to some programs";
}

TEST(Ladder, whoever_wants_it_ended_does_not_wait_for_an_end_of_file) {
  for (const S state : {S::serving, S::handed, S::eof}) {
    const LadderStep step = advance(state, E::terminate);
    EXPECT_EQ(step.next, S::term);
    EXPECT_EQ(step.grace, Grace::term);
    EXPECT_TRUE(step.entered);
  }
  for (const S state : {S::term, S::kill}) {
    EXPECT_EQ(advance(state, E::terminate).next, state);
    EXPECT_EQ(advance(state, E::terminate).grace, Grace::keep) << "a second wish changes nothing";
    EXPECT_FALSE(advance(state, E::terminate).entered);
  }
}

TEST(Ladder, a_dead_caller_ends_the_tree_but_leaves_a_grace_that_runs) {
  for (const S state : {S::serving, S::handed}) {
    EXPECT_EQ(advance(state, E::caller_gone).next, S::term);
    EXPECT_EQ(advance(state, E::caller_gone).grace, Grace::term);
  }
  for (const S state : {S::eof, S::term, S::kill}) {
    EXPECT_EQ(advance(state, E::caller_gone).next, state);
    EXPECT_EQ(advance(state, E::caller_gone).grace, Grace::keep);
  }
}

TEST(Ladder, an_input_that_comes_back_is_served_only_while_nothing_was_signalled) {
  const LadderStep step = advance(S::eof, E::input_back);
  EXPECT_EQ(step.next, S::serving);
  EXPECT_EQ(step.grace, Grace::none);
  EXPECT_TRUE(step.entered) << "or the grace that runs would go on";
  for (const S state : {S::serving, S::handed, S::term, S::kill})
    EXPECT_EQ(advance(state, E::input_back).next, state);
}

TEST(Ladder, a_dead_keeper_means_no_grace) {
  for (const S state : {S::serving, S::handed, S::eof, S::term, S::kill}) {
    const LadderStep step = advance(state, E::keeper_gone);
    EXPECT_EQ(step.next, S::kill);
    EXPECT_TRUE(step.entered);
  }
}

TEST(Ladder, a_leader_that_leaves_members_behind_ends_the_tree) {
  for (const S state : {S::serving, S::eof}) {
    const LadderStep step = advance(state, E::leader_left);
    EXPECT_EQ(step.next, S::term);
    EXPECT_EQ(step.grace, Grace::left);
    EXPECT_TRUE(step.entered);
  }
}

TEST(Ladder, a_hand_over_is_served_on_until_the_heirs_leave) {
  const LadderStep step = advance(S::serving, E::leader_handed);
  EXPECT_EQ(step.next, S::handed);
  EXPECT_EQ(step.grace, Grace::none);
  EXPECT_EQ(advance(S::handed, E::stop).grace, Grace::eof) << "a handed tree has its end-of-file grace too";
  EXPECT_EQ(advance(S::eof, E::leader_handed).next, S::eof);
  EXPECT_EQ(advance(S::eof, E::leader_handed).grace, Grace::keep);
  EXPECT_EQ(advance(S::handed, E::successor_left).next, S::term);
  EXPECT_EQ(advance(S::handed, E::successor_left).grace, Grace::left);
}

TEST(Ladder, empty_ends_every_state_and_done_is_final) {
  for (const S state : kStates) EXPECT_EQ(advance(state, E::empty).next, S::done);
  for (const E event : kEvents) EXPECT_EQ(advance(S::done, event).next, S::done);
}

TEST(Ladder, every_state_and_event_has_a_name_of_its_own) {
  for (const S state : kStates) EXPECT_NE(to_string(state), "unknown");
  for (const E event : kEvents) EXPECT_NE(to_string(event), "unknown");
  EXPECT_EQ(to_string(static_cast<E>(99)), "unknown");
}

}  // namespace
}  // namespace holdfast::custody
