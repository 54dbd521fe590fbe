#include "daemon/paths.h"

#include <gtest/gtest.h>

#include <map>

namespace holdfast::daemon {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

Paths resolve(const PathOptions& options, const Variables& variables) {
  const auto paths = resolve_paths(options, [&](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  });
  EXPECT_TRUE(paths);
  return paths.value_or(Paths{});
}

TEST(Paths, state_is_the_first_that_is_set) {
  Variables all{{"STATE_DIRECTORY", "/s:/t"}, {"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}};
  EXPECT_EQ(resolve({.config = {}, .state_dir = "/d", .socket = {}}, all).state_dir, "/d");
  EXPECT_EQ(resolve({}, all).state_dir, "/s");
  all.erase("STATE_DIRECTORY");
  EXPECT_EQ(resolve({}, all).state_dir, "/x/holdfast");
  all.erase("XDG_STATE_HOME");
  EXPECT_EQ(resolve({}, all).state_dir, "/h/.local/state/holdfast");
  EXPECT_FALSE(resolve_paths({}, [](std::string_view) { return std::nullopt; }));
}

TEST(Paths, socket_is_the_first_that_is_set) {
  Variables all{
      {"HOLDFAST_SOCKET", "/e.sock"}, {"RUNTIME_DIRECTORY", "/r"}, {"XDG_RUNTIME_DIR", "/x"}, {"HOME", "/h"}};
  EXPECT_EQ(resolve({.config = {}, .state_dir = "/d", .socket = "/o.sock"}, all).socket, "/o.sock");
  EXPECT_EQ(resolve({.config = {}, .state_dir = "/d", .socket = {}}, all).socket, "/e.sock");
  all.erase("HOLDFAST_SOCKET");
  EXPECT_EQ(resolve({.config = {}, .state_dir = "/d", .socket = {}}, all).socket, "/d/holdfast.sock");
  EXPECT_EQ(resolve({}, all).socket, "/r/holdfast.sock");
  all.erase("RUNTIME_DIRECTORY");
  EXPECT_EQ(resolve({}, all).socket, "/x/holdfast.sock");
  all.erase("XDG_RUNTIME_DIR");
  EXPECT_EQ(resolve({}, all).socket, "/h/.local/state/holdfast/holdfast.sock");
}

}  // namespace
}  // namespace holdfast::daemon
