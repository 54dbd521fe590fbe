#include "config/tool_name.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(ToolName, is_split_at_the_first_double_underscore) {
  EXPECT_EQ(split_tool_name("memory__read_graph")->server, "memory");
  EXPECT_EQ(split_tool_name("a__b__c")->tool, "b__c");
  for (const char* bad : {"memory", "__x", "x__", ""}) EXPECT_FALSE(split_tool_name(bad)) << bad;
  EXPECT_EQ(join_tool_name("memory", "read_graph"), "memory__read_graph");
}

}  // namespace
}  // namespace holdfast::config
