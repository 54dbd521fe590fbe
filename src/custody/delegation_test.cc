#include "custody/delegation.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "base/test_support.h"

namespace holdfast::custody {
namespace {

// Directories that look like cgroups: the upper one like the hierarchy's root, which asks nobody to move.
// What was written last is what their files say.
class Delegated : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& cgroup : {own, parent}) {
      std::filesystem::create_directories(cgroup);
      std::ofstream(cgroup + "/cgroup.controllers") << "pids\n";
      std::ofstream(cgroup + "/cgroup.subtree_control") << "     \n";
    }
  }
  static std::string said(const std::string& cgroup) {
    std::string word;
    std::ifstream(cgroup + "/cgroup.subtree_control") >> word;
    return word;
  }
  test::TempDir dir;
  const std::string own = dir.path() / "own", parent = own + "/holdfast-01234567";
};

TEST_F(Delegated, is_taken_back_by_whoever_has_it_last) {
  std::optional<Delegation> first(std::in_place);
  const Enforcement found = first->hand_down(own, parent);
  EXPECT_TRUE(found.pids);
  EXPECT_FALSE(found.memory);
  EXPECT_EQ(said(own), "+pids");
  EXPECT_EQ(said(parent), "+pids");
  std::optional<Delegation> second(std::move(*first));
  first.reset();
  EXPECT_EQ(said(own), "+pids");
  second = Delegation();
  EXPECT_EQ(said(own), "-pids");
  EXPECT_EQ(said(parent), "-pids");
}

TEST_F(Delegated, stays_where_trees_are_left) {
  {
    Delegation handed;
    (void)handed.hand_down(own, parent);
    handed.leave();
  }
  EXPECT_EQ(said(own), "+pids");
  EXPECT_EQ(said(parent), "+pids");
}

TEST(Enforced, says_by_what_and_why_not) {
  const Enforcement some{.pids = true, .why_not = "not here"};
  const auto rows = some.rows();
  EXPECT_EQ(rows[0].words(), "rlimit per process");
  EXPECT_EQ(rows[1].words(), "cgroup");
  EXPECT_EQ(rows[2].words(), "not enforced: not here");
  EXPECT_EQ(rows[3].way, Enforcement::Way::process);
}

}  // namespace
}  // namespace holdfast::custody
