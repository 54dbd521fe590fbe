#include "gateway/resource_uri.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace holdfast::gateway {
namespace {

TEST(ResourceUri, a_scheme_is_what_stands_before_the_first_colon) {
  EXPECT_EQ(scheme_of("file:///a:b"), "file");
  EXPECT_EQ(scheme_of("git+ssh://x"), "git+ssh");
  for (const char* none : {"", "x", ":x", "1a:x", "a b:x", "/a:b", "{s}:x"})
    EXPECT_EQ(scheme_of(none), "") << none;
}

TEST(ResourceUri, an_expression_stands_for_any_text) {
  EXPECT_TRUE(matches_template("test://template/{id}/data", "test://template/42/data"));
  EXPECT_TRUE(matches_template("test://template/{id}/data", "test://template/a/b/data"));
  EXPECT_TRUE(matches_template("file:///{+path}", "file:///x/y"));
  EXPECT_TRUE(matches_template("a{x}b{y}c", "a1b2b3c"));
  EXPECT_TRUE(matches_template("a{?q}", "a"));
  EXPECT_TRUE(matches_template("plain://x", "plain://x"));
  EXPECT_FALSE(matches_template("test://template/{id}/data", "test://template/42"));
  EXPECT_FALSE(matches_template("plain://x", "plain://y"));
  EXPECT_FALSE(matches_template("plain://x", "plain://xy"));
  EXPECT_FALSE(matches_template("a{broken", "abroken"));
  EXPECT_FALSE(matches_template("", "x"));
}

TEST(ResourceUri, a_hostile_template_costs_no_more_than_the_product_of_the_lengths) {
  std::string pattern, uri(20'000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "{x}a";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(matches_template(pattern + "b", uri));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace holdfast::gateway
