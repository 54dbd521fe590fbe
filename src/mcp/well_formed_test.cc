#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "mcp/raw_json.h"

namespace holdfast::mcp {
namespace {

TEST(WellFormed, takes_json_and_nothing_else) {
  for (const char* text : {"0", " -1.5e+3 ", "\"\"", R"("a\u00e9\ud83d\ude00\"")", "[]", "[ ]", "{}",
                           R"({"a":[1,{"b":null}],"c":true})", "[[],[[]],{}]", "\t[1 , 2]\r\n", "false"})
    EXPECT_TRUE(well_formed(text)) << text;
  for (const char* text : {"",
                           " ",
                           "01",
                           "1.",
                           "+1",
                           ".5",
                           "-",
                           "nul",
                           "truex",
                           "'a'",
                           "\"a",
                           R"("\x")",
                           R"("\u12g4")",
                           R"("\ud800")",
                           R"("\ude00")",
                           R"("\ud800\u0041")",
                           "[",
                           "]",
                           "[1",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\":1 \"b\":2}",
                           "[}",
                           "{]",
                           "[1]]",
                           "1 2",
                           "\"\t\"",
                           "\"\xff\"",
                           "{\"a\":[}]}"})
    EXPECT_FALSE(well_formed(text)) << text;
}

TEST(WellFormed, a_number_may_be_of_any_size) {
  EXPECT_TRUE(well_formed(R"({"a":1e400,"b":123456789012345678901234567890,"c":-0.0e-999})"));
}

TEST(WellFormed, depth_costs_no_stack) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_TRUE(well_formed(deep));
  EXPECT_FALSE(well_formed(deep.substr(1)));
}

// Another reader is the judge: every prefix, and every text with one byte changed.
TEST(WellFormed, agrees_with_another_reader) {
  const std::string text = R"({"a":[1,-2.5,true,null,"\u00e9\n"],"b":{"c":{}},"d":[[]]})";
  for (std::size_t at = 0; at < text.size(); ++at) {
    EXPECT_EQ(well_formed(text.substr(0, at)), nlohmann::json::accept(text.substr(0, at))) << at;
    for (const char c : std::string(",:[]{}\"\\0e-. tn")) {
      std::string changed = text;
      changed[at] = c;
      EXPECT_EQ(well_formed(changed), nlohmann::json::accept(changed)) << changed;
    }
  }
}

}  // namespace
}  // namespace holdfast::mcp
