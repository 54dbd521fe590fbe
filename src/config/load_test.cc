#include "config/load.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/schema.h"

namespace holdfast::config {
namespace {

Loaded load(std::string_view text) {
  return load_text(
      text, "/tmp/config.yaml",
      [](std::string_view name) -> std::optional<std::string> {
        return name == "HOME" ? std::optional<std::string>("/home/me") : std::nullopt;
      },
      [](std::string_view schedule, std::string_view) -> std::optional<ScheduleFault> {
        return schedule.contains("25") ? std::optional(ScheduleFault{3, "hour 25 is out of range 0-23"})
                                       : std::nullopt;
      });
}
std::string report(std::string_view text) {
  std::string out;
  for (const Problem& p : load(text).problems) out += format(p, "c.yaml") + "\n";
  return out;
}

TEST(load, an_empty_file_is_the_defaults) {
  Loaded loaded = load("");
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.config.listen, Config{}.listen);
}
TEST(load, a_wrong_hour_is_reported_at_its_column) {
  EXPECT_EQ(report("jobs:\n  d:\n    schedule: \"0 25 * * *\"\n    command: [x]\n"),
            "c.yaml:3:18: error: jobs.d.schedule: hour 25 is out of range 0-23\n");
}
TEST(load, an_unset_variable_spares_the_others) {
  Loaded loaded = load(R"({"mcpServers":{"a":{"command":"x","env":{"T":"${T}"}},"b":{"command":"y"}}})");
  EXPECT_TRUE(loaded.has_errors());
  EXPECT_FALSE(loaded.blocks_start());
  EXPECT_FALSE(loaded.config.servers["a"].unusable.empty());
  EXPECT_TRUE(loaded.config.servers["b"].unusable.empty());
}
TEST(load, duplicate_and_misspelt_keys_are_named) {
  EXPECT_EQ(report("drain: 1s\ndrain: 2s\ndrian: 3s\n"),
            "c.yaml:2:1: error: drain: the key \"drain\" is given twice (first on line 1); keep one\n"
            "c.yaml:3:1: warning: drian: unknown key \"drian\"; did you mean \"drain\"?\n");
}
TEST(load, arguments_keep_their_types) {
  Loaded loaded =
      load("jobs: {j: {schedule: x, steps: [{tool: a__b, arguments: {n: 1.0, s: '1', b: true, y: yes}}]}}");
  EXPECT_EQ(loaded.config.jobs["j"].steps.at(0).arguments, R"({"n":1.0,"s":"1","b":true,"y":"yes"})");
}
TEST(schema, the_page_follows_the_table) {
  const std::string page = std::string(HOLDFAST_SOURCE_DIR) + "/docs/configuration.md";
  if (std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr) std::ofstream(page) << options_as_markdown();
  std::stringstream text;
  text << std::ifstream(page).rdbuf();
  EXPECT_EQ(text.str(), options_as_markdown());
}

}  // namespace
}  // namespace holdfast::config
