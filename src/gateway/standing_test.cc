#include "gateway/standing.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

using Subscribed = Standing::Subscribed;

class StandingTest : public testing::Test {
 protected:
  static ContactPtr session() { return std::make_shared<const Contact>(); }
  void subscribe(const ContactPtr& who, const std::string& uri) {
    (void)standing.subscribe(who, uri);
    standing.settle(who, uri, true);
  }
  Standing standing;
  const ContactPtr a = session(), b = session();
};

TEST_F(StandingTest, only_the_first_and_the_last_subscription_cross) {
  EXPECT_EQ(standing.subscribe(a, "x:1"), Subscribed::unsure);
  EXPECT_EQ(standing.subscribe(b, "x:1"), Subscribed::unsure) << "the server has not answered yet";
  standing.settle(a, "x:1", true);
  EXPECT_EQ(standing.subscribe(a, "x:1"), Subscribed::known);
  EXPECT_FALSE(standing.unsubscribe(a, "x:1"));
  EXPECT_TRUE(standing.unsubscribe(b, "x:1"));
  EXPECT_EQ(standing.subscribe(a, "x:1"), Subscribed::unsure);
}

TEST_F(StandingTest, one_that_the_server_refused_is_none) {
  (void)standing.subscribe(a, "x:1");
  standing.settle(a, "x:1", false);
  EXPECT_FALSE(standing.is_wanted("x:1"));
  EXPECT_TRUE(standing.unsubscribe(a, "x:1")) << "the server's to say what it thinks of that";
}

TEST_F(StandingTest, updates_are_for_who_subscribed_to_it_or_to_what_it_is_a_part_of) {
  subscribe(a, "file:///a");
  subscribe(b, "file:///ab");
  EXPECT_EQ(standing.subscribers("file:///a"), std::set<ContactPtr>{a});
  EXPECT_EQ(standing.subscribers("file:///a/x"), std::set<ContactPtr>{a});
  EXPECT_EQ(standing.subscribers("file:///ab"), std::set<ContactPtr>{b});
  EXPECT_TRUE(standing.subscribers("file:///").empty());
  EXPECT_TRUE(standing.subscribers("").empty());
}

TEST_F(StandingTest, a_session_that_lets_go_leaves_what_nobody_else_wants) {
  subscribe(a, "x:1");
  subscribe(a, "x:2");
  subscribe(b, "x:2");
  EXPECT_EQ(standing.drop(a), std::vector<std::string>{"x:1"});
  EXPECT_EQ(standing.subscribers("x:2"), std::set<ContactPtr>{b});
}

TEST_F(StandingTest, there_are_not_more_than_so_many) {
  for (std::size_t i = 0; i < Standing::kMostResources; ++i) subscribe(a, "x:" + std::to_string(i));
  EXPECT_EQ(standing.subscribe(b, "one more"), Subscribed::full);
  EXPECT_EQ(standing.subscribe(b, "x:0"), Subscribed::known);
}

TEST_F(StandingTest, the_level_is_the_most_verbose_of_all) {
  const mcp::LogLevel info = 1, error = 4;
  EXPECT_EQ(standing.level(), std::nullopt);
  standing.set_level(a, error);
  standing.set_level(b, info);
  EXPECT_EQ(standing.level(), info);
  (void)standing.drop(b);
  EXPECT_EQ(standing.level(), error);
}

}  // namespace
}  // namespace holdfast::gateway
