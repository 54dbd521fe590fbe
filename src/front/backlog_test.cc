#include "front/backlog.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace holdfast::front {
namespace {

class BacklogTest : public testing::Test {
 protected:
  std::function<void()> says(char name) {
    return [this, name] { gone += name; };
  }
  std::shared_ptr<Backlog> all = std::make_shared<Backlog>(100);
  std::string gone;
};

TEST_F(BacklogTest, over_the_bound_the_largest_gives_up_and_replays_first) {
  Backlog::Share a(all, Backlog::Kind::waiting, says('a')), b(all, Backlog::Kind::waiting, says('b')),
      r(all, Backlog::Kind::replay, says('r')), s(all, Backlog::Kind::replay, says('s'));
  a.set(50);
  b.set(30);
  r.set(8);
  s.set(12);
  EXPECT_EQ(all->bytes(), 100U);
  EXPECT_EQ(gone, "");
  b.set(31);
  EXPECT_EQ(gone, "s");
  EXPECT_EQ(all->bytes(), 89U);
  b.set(45);
  EXPECT_EQ(gone, "sr");
  b.set(52);
  EXPECT_EQ(gone, "srb") << "it may be the one that asks";
  EXPECT_EQ(all->bytes(), 50U);
  b.set(50);
  EXPECT_EQ(gone, "srb");
}

TEST_F(BacklogTest, what_waits_alone_may_be_larger_and_what_is_kept_may_not) {
  Backlog::Share a(all, Backlog::Kind::waiting, says('a'));
  a.set(1000);
  EXPECT_EQ(gone, "");
  Backlog::Share r(all, Backlog::Kind::replay, says('r'));
  r.set(1);
  EXPECT_EQ(gone, "r");
  a.set(0);
  r.set(101);
  EXPECT_EQ(gone, "rr");
  EXPECT_EQ(all->bytes(), 0U);
}

TEST_F(BacklogTest, who_is_gone_holds_nothing) {
  std::optional<Backlog::Share> a(std::in_place, all, Backlog::Kind::waiting, says('a'));
  a->set(70);
  a.reset();
  EXPECT_EQ(all->bytes(), 0U);
  Backlog::Share unbounded(nullptr, Backlog::Kind::waiting, says('u'));
  unbounded.set(1000);
  EXPECT_EQ(gone, "");
}

}  // namespace
}  // namespace holdfast::front
