#include "gateway/rights.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

bool may_call(const Rights& rights, const std::string& server, const std::string& tool) {
  const auto tools = tools_within(rights, server);
  return tools && tools->offers(tool);
}
bool may_see(const Rights& rights, const std::string& server) {
  return tools_within(rights, server).has_value();
}

TEST(Rights, the_default_is_everything) {
  EXPECT_TRUE(may_call({}, "memory", "read"));
  EXPECT_TRUE(tools_within({}, "memory")->offers_all());
}

TEST(Rights, globs_name_a_server_and_its_tools) {
  const Rights rights{.tools = {"memory__read_*", "search__*", "g?t__log"}};
  EXPECT_TRUE(may_call(rights, "memory", "read_graph"));
  EXPECT_FALSE(may_call(rights, "memory", "delete_graph"));
  EXPECT_FALSE(tools_within(rights, "memory")->offers_all());
  EXPECT_TRUE(tools_within(rights, "search")->offers_all());
  EXPECT_TRUE(may_call(rights, "git", "log"));
  EXPECT_FALSE(may_call(rights, "git", "logs"));
  EXPECT_FALSE(may_see(rights, "memory2"));
  EXPECT_FALSE(may_see(rights, "mem"));
  EXPECT_FALSE(may_see(rights, ""));
}

// A star of one half does not reach into the other: `mem*__x` is no right to `memory__…__x`.
TEST(Rights, the_halves_are_matched_each_by_itself) {
  EXPECT_TRUE(may_call({.tools = {"mem*__x"}}, "memory", "x"));
  EXPECT_FALSE(may_call({.tools = {"mem*__x"}}, "memory", "y__x"));
  EXPECT_TRUE(may_call({.tools = {"*__x"}}, "memory", "x"));
  EXPECT_FALSE(may_call({.tools = {"*__x"}}, "memory", "a__x"));
  EXPECT_TRUE(may_call({.tools = {"a__b__c"}}, "a", "b__c"));
}

TEST(Rights, servers_narrow_what_tools_permit) {
  const Rights rights{.tools = {"*__read_*"}, .servers = {"memory"}};
  EXPECT_TRUE(may_call(rights, "memory", "read_graph"));
  EXPECT_FALSE(may_call(rights, "memory", "write"));
  EXPECT_FALSE(may_see(rights, "search"));
  EXPECT_FALSE(may_see({.servers = {"mem*"}}, "memory")) << "they are names, not globs";
}

TEST(Rights, what_could_permit_nothing_is_refused) {
  for (const char* glob : {"", "memory", "memory_read", "__read", "memory__"})
    EXPECT_FALSE(check_rights({.tools = {glob}})) << glob;
  EXPECT_FALSE(check_rights({.tools = {}}));
  EXPECT_FALSE(check_rights({.tools = {"*"}, .servers = {""}}));
  EXPECT_FALSE(check_rights({.tools = {std::string(300, 'a') + "__b"}}));
  EXPECT_FALSE(check_rights({.tools = {"a__\xff"}})) << "the file would keep another one";
  EXPECT_FALSE(check_rights({.tools = {"*"}, .servers = {"\xff"}}));
  for (const char* glob : {"*", "*__*", "a__b", "a__b__c", "[ab]__?"})
    EXPECT_TRUE(check_rights({.tools = {glob}})) << glob;
  EXPECT_FALSE(may_see({.tools = {"memory"}}, "memory")) << "and permits nothing, wherever it came from";
}

}  // namespace
}  // namespace holdfast::gateway
