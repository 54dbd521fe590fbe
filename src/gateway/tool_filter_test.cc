#include "gateway/tool_filter.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

const ToolFilter kReads({"read_*", "list"}, {"read_secret*"});

TEST(ToolFilter, includes_then_excludes) {
  EXPECT_TRUE(kReads.offers("read_graph"));
  EXPECT_TRUE(kReads.offers("list"));
  EXPECT_FALSE(kReads.offers("listing"));
  EXPECT_FALSE(kReads.offers("read_secrets"));
  EXPECT_FALSE(kReads.offers("delete_graph"));
  EXPECT_TRUE(ToolFilter({}, {"x"}).offers("y"));
  EXPECT_TRUE(ToolFilter({}, {}).offers_all());
}

TEST(ToolFilter, finds_the_name_that_a_call_hides_in_escapes) {
  EXPECT_EQ(kReads.withheld(R"({"arguments":{"name":"list"},"name":"delete_graph"})"), "delete_graph");
  EXPECT_EQ(kReads.withheld(R"({"name":"read_secret\u0073"})"), "read_secrets");
  EXPECT_EQ(kReads.withheld(R"({"name":"read_graph"})"), std::nullopt);
}

// What a server takes for the name must be what was looked at.
TEST(ToolFilter, lets_no_call_pass_that_could_be_read_in_two_ways) {
  for (const char* params :
       {"{}", "", "[]", R"({"name":["list"]})", R"({"name":"list","name":"delete_graph"})",
        R"({"name":"list","n\u0061me":"delete_graph"})", R"({"name":"list","Name":"delete_graph"})",
        R"({"NAME":"delete_graph","name":"list"})", R"({"Name":"list"})", R"({"name":"list")"})
    EXPECT_EQ(kReads.withheld(params), "") << params;
}

TEST(ToolFilter, leaves_the_rest_of_a_listing_as_it_came) {
  EXPECT_EQ(
      kReads
          .listing(
              R"({ "nextCursor":"c", "tools":[ {"name":"delete"}, {"name":"list", "n":1e3},{"name":5}],"_meta":{}})")
          .value(),
      R"({ "nextCursor":"c", "tools":[{"name":"list", "n":1e3}],"_meta":{}})");
  EXPECT_EQ(kReads.listing(R"({"tools":[]})").value(), R"({"tools":[]})");
  EXPECT_FALSE(kReads.listing(R"({"tools":5})"));
  EXPECT_FALSE(kReads.listing(R"([])"));
}

}  // namespace
}  // namespace holdfast::gateway
