#include "base/field_name.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(FieldName, is_a_token) {
  EXPECT_TRUE(is_field_name("X-Project_1.b~"));
  for (const std::string_view wrong : {"", "a b", "a:", "a\r", "\xc3\xa4"})
    EXPECT_FALSE(is_field_name(wrong)) << wrong;
}

TEST(FieldName, is_the_same_in_any_case_of_ascii_letters) {
  EXPECT_TRUE(same_field("Content-TYPE", "content-type"));
  EXPECT_FALSE(same_field("content-type", "content-typ"));
  EXPECT_FALSE(same_field("a_", "a\x7f"));  // `_` and DEL differ in the bit that letters differ in
  EXPECT_FALSE(same_field("\xc4", "\xe4"));
}

TEST(FieldName, of_what_all_send_or_none_may_see_says_nothing_of_its_client) {
  EXPECT_FALSE(says_nothing_of_its_client("X-Project"));
  EXPECT_NE(says_nothing_of_its_client("HOST").value_or("").find("every request"), std::string_view::npos);
  EXPECT_NE(says_nothing_of_its_client("Cookie").value_or("").find("secret"), std::string_view::npos);
}

}  // namespace
}  // namespace holdfast
