#include "base/json_depth.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {

TEST(JsonDepth, counts_open_brackets_of_both_kinds) {
  EXPECT_FALSE(deeper_than(R"({"a":[1,{"b":2}],"c":[[]]})", 3));
  EXPECT_TRUE(deeper_than(R"({"a":[1,{"b":2}]})", 2));
  EXPECT_FALSE(deeper_than("[][][][]", 1));
  EXPECT_TRUE(deeper_than(std::string(kDeepestJson + 1, '[')));
}

TEST(JsonDepth, brackets_in_strings_are_text) {
  EXPECT_FALSE(deeper_than(R"(["[[[[","\"[[[","\\"])", 1));
  EXPECT_TRUE(deeper_than(R"(["\\",[]])", 1));
}

}  // namespace holdfast
