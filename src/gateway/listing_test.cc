#include "gateway/listing.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway/names.h"

namespace holdfast::gateway {
namespace {

using json = nlohmann::json;

ListingPtr listing_of(ListKind kind, const std::string& array) {
  auto listing = std::make_shared<Listing>();
  std::string result = "{\"" + std::string(row_of(kind).member) + "\":" + array + "}";
  EXPECT_TRUE(add_page(kind, "s", result, *listing));
  return listing;
}
ListingPtr tools(const std::string& array) { return listing_of(ListKind::tools, array); }

std::string page(ListKind kind, const std::vector<Source>& sources, PageLimits limits = {}) {
  return write_page(kind, merge(kind, sources), "", {}, limits).value_or("no such cursor");
}

TEST(Listing, only_the_name_is_rewritten_and_all_else_stays_the_bytes_that_came) {
  const std::string before =
      R"({ "zeta" :1e400,"title":"\u00e9 / \/" ,"icons":[{"src":"x","n":1.0}],"name": )";
  const std::string after =
      R"( ,"inputSchema":{"type":"object","properties":{"name":{"type":"string"}}},)"
      R"("_meta":{"a/b":[null,-0,12345678901234567890123456789]},"unknown":{"name":"inner"},"alpha":[]  })";
  const std::string array = "[" + before + R"("r\u0065ad")" + after + "]";
  const auto one = tools(array);
  ASSERT_EQ(one->items.size(), 1U);
  EXPECT_EQ(one->items[0].key, "read");
  EXPECT_EQ(page(ListKind::tools, {{"mem", one}}), "{\"tools\":[" + before + R"("mem__read")" + after + "]}");
}

TEST(Listing, what_is_named_by_a_uri_is_not_touched) {
  const std::string array = R"([{"uri":"file:///a b","name":"n","x":1.50}])";
  EXPECT_EQ(page(ListKind::resources, {{"s", listing_of(ListKind::resources, array)}}),
            "{\"resources\":" + array + "}");
  const std::string templates = R"([{"uriTemplate":"t://{id}","name":"n"}])";
  EXPECT_EQ(page(ListKind::templates, {{"s", listing_of(ListKind::templates, templates)}}),
            "{\"resourceTemplates\":" + templates + "}");
}

TEST(Listing, servers_come_in_order_and_each_in_its_own) {
  const auto a = tools(R"([{"name":"z"},{"name":"a"}])"), b = tools(R"([{"name":"m"}])");
  const auto all = json::parse(page(ListKind::tools, {{"a", a}, {"b", b}, {"c", nullptr}}));
  ASSERT_EQ(all["tools"].size(), 3U);
  EXPECT_EQ(all["tools"][0]["name"], "a__z");
  EXPECT_EQ(all["tools"][1]["name"], "a__a");
  EXPECT_EQ(all["tools"][2]["name"], "b__m");
}

TEST(Listing, of_two_resources_with_one_uri_the_first_is_listed) {
  const auto a = listing_of(ListKind::resources, R"([{"uri":"x://1","name":"of a"}])");
  const auto b =
      listing_of(ListKind::resources, R"([{"uri":"x://1","name":"of b"},{"uri":"x://2","name":"2"}])");
  const auto all = json::parse(page(ListKind::resources, {{"a", a}, {"b", b}}));
  ASSERT_EQ(all["resources"].size(), 2U);
  EXPECT_EQ(all["resources"][0]["name"], "of a");
  EXPECT_EQ(all["resources"][1]["uri"], "x://2");
}

TEST(Listing, one_bad_item_costs_no_other) {
  const std::string deep = std::string(400, '[') + std::string(400, ']');
  const auto listing =
      tools(R"([{"name":"a"},{"title":"nameless"},{"name":7},{"name":"x","name":"y"},"text",)"
            R"({"name":"d","v":)" +
            deep + R"(},{"name":"h","v":"\ud800"},{"name":"b"}])");
  ASSERT_EQ(listing->items.size(), 2U);
  EXPECT_EQ(listing->items[1].key, "b");
}

TEST(Listing, line_breaks_between_members_become_blanks) {
  EXPECT_EQ(page(ListKind::tools, {{"s", tools("[{\n \"name\":\"a\",\r\n\"d\":\"\\n\"}]")}}),
            R"({"tools":[{  "name":"s__a",  "d":"\n"}]})");
}

TEST(Listing, what_is_no_page_is_an_error) {
  Listing listing;
  for (const char* bad :
       {"[]", "{}", R"({"tools":{}})", R"({"tools":[)", "", R"({"tools":[],"nextCursor":7})"}) {
    std::string text = bad;
    EXPECT_FALSE(add_page(ListKind::tools, "s", text, listing)) << bad;
  }
  std::string many = R"({"tools":[)";
  for (std::size_t i = 0; i <= kMostItems; ++i) many += std::string(i > 0 ? "," : "") + R"({"name":"t"})";
  many += "]}";
  EXPECT_FALSE(add_page(ListKind::tools, "s", many, listing));
}

TEST(Listing, cursors_end_by_absence_null_or_nothing) {
  for (const char* last :
       {R"({"tools":[]})", R"({"tools":[],"nextCursor":null})", R"({"tools":[],"nextCursor":""})"}) {
    Listing listing;
    std::string text = last;
    EXPECT_EQ(add_page(ListKind::tools, "s", text, listing).value_or("?"), "") << last;
  }
  Listing listing;
  std::string text = R"({"tools":[],"nextCursor":"\u0061"})";
  EXPECT_EQ(add_page(ListKind::tools, "s", text, listing).value_or("?"), R"("\u0061")");
}

TEST(Listing, pages_give_each_item_once_and_then_end) {
  std::string array = "[";
  for (int i = 0; i < 25; ++i)
    array += std::string(i > 0 ? "," : "") + R"({"name":"t)" + std::to_string(i) + R"("})";
  const std::vector<Source> sources{{"s", tools(array + "]")}};
  const auto all = merge(ListKind::tools, sources);
  std::vector<std::string> names;
  std::string cursor;
  int pages = 0;
  do {
    const auto text = write_page(ListKind::tools, all, cursor, {}, {.items = 10});
    ASSERT_TRUE(text);
    const auto page = json::parse(*text);
    EXPECT_LE(page["tools"].size(), 10U);
    for (const auto& tool : page["tools"]) names.push_back(tool["name"]);
    cursor = page.contains("nextCursor") ? page["nextCursor"].dump() : "";
  } while (!cursor.empty() && ++pages < 10);
  ASSERT_EQ(names.size(), 25U);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(names[static_cast<std::size_t>(i)], "s__t" + std::to_string(i));
  EXPECT_EQ(pages, 2);
}

TEST(Listing, a_page_is_bounded_in_bytes_and_gives_at_least_one) {
  const std::string big = std::string(1000, 'x');
  const std::vector<Source> sources{
      {"s", tools(R"([{"name":"a","d":")" + big + R"("},{"name":"b","d":")" + big + R"("}])")}};
  const auto page =
      json::parse(*write_page(ListKind::tools, merge(ListKind::tools, sources), "", {}, {.bytes = 10}));
  EXPECT_EQ(page["tools"].size(), 1U);
  EXPECT_TRUE(page.contains("nextCursor"));
}

TEST(Listing, a_cursor_that_we_did_not_give_is_unknown) {
  const std::vector<Source> sources{{"s", tools(R"([{"name":"a"},{"name":"b"}])")}};
  const auto all = merge(ListKind::tools, sources);
  const auto cursor =
      json::parse(*write_page(ListKind::tools, all, "", {}, {.items = 1}))["nextCursor"].dump();
  EXPECT_TRUE(write_page(ListKind::tools, all, cursor, {}, {}));
  for (const std::string& bad :
       std::vector<std::string>{"\"\"", "\"1\"", "7", "{}", "\"" + cursor + "\"", "\"\xff\""})
    EXPECT_FALSE(write_page(ListKind::tools, all, bad, {}, {})) << bad;
  EXPECT_FALSE(write_page(ListKind::prompts, {}, cursor, {}, {})) << "of another list";
}

TEST(Listing, who_is_missing_is_named_with_the_reason) {
  const auto page =
      json::parse(*write_page(ListKind::tools, {}, "", {{"slow", "it has \"not\" answered"}}, {}));
  EXPECT_EQ(page["tools"], json::array());
  EXPECT_EQ(page["_meta"]["holdfast/unavailable"]["slow"], "it has \"not\" answered");
}

}  // namespace
}  // namespace holdfast::gateway
