#include "custody/tree_state.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::custody {
namespace {

// One letter a state, in the order of the enumeration; '!' forbidden, lower case: no change.
std::string row(TreeState state) {
  static constexpr char kLetters[] = "SAOPUG";
  std::string text;
  for (std::size_t e = 0; e < kTreeEvents; ++e) {
    const TreeStep step = advance(state, static_cast<TreeEvent>(e));
    if (step.action == TreeAction::forbidden) {
      EXPECT_EQ(step.next, state);
      text += '!';
    } else if (step.next == state) {
      EXPECT_EQ(step.action, TreeAction::none)
          << to_string(state) << " x " << to_string(static_cast<TreeEvent>(e));
      text += '-';
    } else {
      EXPECT_NE(step.action, TreeAction::none);
      text += kLetters[static_cast<std::size_t>(step.next)];
    }
  }
  return text;
}

TEST(TreeState, the_whole_table) {
  // started orphan stop leader_left keeper_lost give_up proven
  EXPECT_EQ(row(TreeState::starting), "A!PPP!G");
  EXPECT_EQ(row(TreeState::active), "!OPPP!!");
  EXPECT_EQ(row(TreeState::orphaned), "!-PPP!G");
  EXPECT_EQ(row(TreeState::stopping), "-----UG");
  EXPECT_EQ(row(TreeState::unkillable), "!-----G");
  EXPECT_EQ(row(TreeState::gone), "!--!!!!");
}

TEST(TreeState, an_orphan_is_never_lent_again) {
  for (std::size_t e = 0; e < kTreeEvents; ++e) {
    const TreeState next = advance(TreeState::orphaned, static_cast<TreeEvent>(e)).next;
    EXPECT_TRUE(next == TreeState::orphaned || next == TreeState::stopping || next == TreeState::gone);
  }
}

TEST(TreeState, retiring_is_told_exactly_once_on_every_way_out) {
  for (std::size_t s = 0; s < kTreeStates; ++s)
    for (std::size_t e = 0; e < kTreeEvents; ++e) {
      const auto state = static_cast<TreeState>(s);
      const TreeStep step = advance(state, static_cast<TreeEvent>(e));
      const bool was_held = state == TreeState::starting || state == TreeState::active;
      const bool retires = step.next == TreeState::orphaned || step.next == TreeState::stopping;
      EXPECT_EQ(step.action == TreeAction::retire, was_held && retires && step.next != state);
    }
}

}  // namespace
}  // namespace holdfast::custody
