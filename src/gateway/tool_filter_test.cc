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
  EXPECT_EQ(kReads.withheld("{}"), std::nullopt);
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
