#include "gateway/names.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

#include "base/fnv.h"
#include "config/tool_name.h"

namespace holdfast::gateway {
namespace {

bool is_servable(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             name.npos;
}

TEST(Names, an_ordinary_pair_is_spelt_as_it_is) {
  EXPECT_EQ(shown_name("memory", "read_graph"), "memory__read_graph");
  EXPECT_EQ(shown_name("a", "b__c"),
            "a__b__c");  // read at the first separator, and no server's name holds one
  EXPECT_EQ(shown_name("a", "_b"), "a___b");
  EXPECT_EQ(shown_name("s", std::string(61, 't')), "s__" + std::string(61, 't'));
  EXPECT_FALSE(is_hashed("memory__read_graph"));
}

// Computed by another program once: a client's permissions hold such names, and a later version must agree.
TEST(Names, what_is_hashed_stays_the_same_for_ever) {
  EXPECT_EQ(shown_name("memory", "read.graph"), "memory__read_graph_0c3969bc80");
  EXPECT_EQ(shown_name("s", std::string(62, 't')), "s__" + std::string(50, 't') + "_dc4cf103e4");
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cULL);  // of the algorithm's own test vectors
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8ULL);
}

TEST(Names, every_pair_has_a_servable_name_of_its_own) {
  const std::vector<std::string> words{"",
                                       "a",
                                       "_",
                                       "__",
                                       "a_",
                                       "_a",
                                       "a__b",
                                       "b__",
                                       "b",
                                       "b.c",
                                       "b c",
                                       "b/c",
                                       "é",
                                       "e",
                                       "日本",
                                       "日木",
                                       "\xff",
                                       "\xfe",
                                       "\n",
                                       "-",
                                       "A",
                                       "a__",
                                       "x_0123456789",
                                       "x_",
                                       "0123456789",
                                       std::string("\0", 1),
                                       std::string("a\0b", 3),
                                       "a_b__c",
                                       std::string(64, 'l'),
                                       std::string(1000, 'l'),
                                       std::string(1001, 'l'),
                                       std::string(1000, 'l') + "m",
                                       std::string(24, 'l'),
                                       std::string(25, 'l'),
                                       std::string(60, '_'),
                                       "😀"};
  std::map<std::string, std::pair<std::string, std::string>> seen;
  for (const auto& server : words)
    for (const auto& own : words) {
      const auto name = shown_name(server, own);
      EXPECT_TRUE(is_servable(name)) << name;
      EXPECT_EQ(name, shown_name(server, own));
      const auto [at, is_new] = seen.emplace(name, std::pair(server, own));
      EXPECT_TRUE(is_new) << name << " is " << at->second.first << "+" << at->second.second << " and "
                          << server << "+" << own;
    }
}

TEST(Names, the_server_b_and_the_tool_b_do_not_meet) {
  EXPECT_NE(shown_name("a__b", "c"), shown_name("a", "b__c"));
  EXPECT_NE(shown_name("a_", "b"), shown_name("a", "_b"));
  EXPECT_NE(shown_name("a", "__b"), shown_name("a__", "b"));
}

// Whoever may choose a tool's name may not take another one's that is hashed.
TEST(Names, a_plain_name_is_never_a_hashed_one) {
  const std::string hashed = shown_name("s", "tool.one");
  ASSERT_TRUE(is_hashed(hashed));
  const auto own = config::split_tool_name(hashed)->tool;
  EXPECT_NE(shown_name("s", own), hashed);
}

TEST(Names, ten_thousand_long_names_of_one_beginning_differ) {
  std::map<std::string, int> seen;
  for (int i = 0; i < 10'000; ++i) ++seen[shown_name("server", std::string(200, 't') + std::to_string(i))];
  EXPECT_EQ(seen.size(), 10'000U);
}

}  // namespace
}  // namespace holdfast::gateway
