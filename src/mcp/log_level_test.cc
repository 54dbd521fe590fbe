#include "mcp/log_level.h"

#include <gtest/gtest.h>

namespace holdfast::mcp {
namespace {

TEST(LogLevel, is_known_by_its_name_and_said_by_it) {
  for (LogLevel level = 0; level < 8; ++level) EXPECT_EQ(log_level_in(log_level_params(level)), level);
  EXPECT_EQ(log_level_params(1), R"({"level":"info"})");
  EXPECT_LT(log_level_in(R"({"data":1,"level":"warn\u0069ng"})"), log_level_in(R"({"level":"emergency"})"));
  for (const char* none :
       {"", "[]", "{}", R"({"level":"loud"})", R"({"level":3})", R"({"level":"info","level":"debug"})"})
    EXPECT_FALSE(log_level_in(none)) << none;
}

}  // namespace
}  // namespace holdfast::mcp
