#include "base/nearest.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

TEST(Nearest, a_word_that_is_at_most_a_third_wrong_is_recognized) {
  const std::vector<std::string_view> known{"status", "stop", "servers", "ps"};
  for (const auto& [word, meant] : {std::pair{"statsu", "status"},
                                    {"STATU", "status"},
                                    {"server", "servers"},
                                    {"stp", "stop"},
                                    {"p", "ps"},
                                    {"weather", ""},
                                    {"", ""}})
    EXPECT_EQ(nearest(word, known), meant) << word;
  EXPECT_EQ(nearest(std::string(5000, 's'), known), "");
  EXPECT_EQ(nearest("status", {}), "");
}

}  // namespace
}  // namespace holdfast
