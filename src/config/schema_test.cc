#include "config/schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "config/testing.h"

namespace holdfast::config {
namespace {

// A file in which one option stands where its section is.
std::string file_with(Section section, std::string_view option) {
  const auto server = [&](std::string_view part, std::string_view more = "") {
    return fmt::format("mcpServers: {{s: {{command: x, {}{}{}}}}}", part, option, more);
  };
  switch (section) {
    case Section::top:
      return std::string(option);
    case Section::server:
      return server("");
    case Section::stop:
    case Section::restart:
    case Section::limits:
    case Section::tools:
    case Section::sharing: {
      const std::string_view title = section_title(section);
      return server(fmt::format("{}: {{", title.substr(title.rfind('.') + 1)), "}");
    }
    case Section::job:
      return fmt::format("jobs: {{j: {{schedule: x, command: [y], {}}}}}", option);
    case Section::step:
      return fmt::format("jobs: {{j: {{schedule: x, steps: [{{tool: a__b, {}}}]}}}}", option);
    case Section::custody:
    case Section::scheduler:
    case Section::sessions:
    case Section::auth:
    case Section::tls:
    case Section::http:
    case Section::audit:
      return fmt::format("{}: {{{}}}", section_title(section), option);
  }
  return {};
}

TEST(schema, defaults_of_the_table_are_those_of_the_values) {
  int compared = 0;
  for (const Option& option : options()) {
    if (option.fallback.empty()) continue;
    const std::string text = file_with(option.section, fmt::format("{}: {}", option.key, option.fallback));
    const Loaded with = testing::load(text);
    const Loaded without =
        testing::load(file_with(option.section, option.section == Section::top ? "" : "x-nothing: 1"));
    EXPECT_EQ(testing::report(with), "") << text;
    EXPECT_TRUE(with.config == without.config) << text;
    ++compared;
  }
  EXPECT_GE(compared, 24);
}

// So that an option with a default cannot escape the comparison by leaving its text out.
TEST(schema, only_these_scalars_have_no_default) {
  std::set<std::string> without;
  for (const Option& option : options()) {
    const bool scalar = option.type == Type::flag || option.type == Type::choice ||
                        option.type == Type::integer || option.type == Type::percent ||
                        option.type == Type::size || option.type == Type::duration ||
                        option.type == Type::duration_or_off || option.type == Type::duration_range;
    if (scalar && option.fallback.empty())
      without.insert(fmt::format("{} {}", section_title(option.section), option.key));
  }
  EXPECT_EQ(without, (std::set<std::string>{"jobs.NAME disabled", "jobs.NAME.steps[] timeout",
                                            "mcpServers.NAME disabled", "mcpServers.NAME idleTimeout",
                                            "mcpServers.NAME type", "mcpServers.NAME.limits cpu",
                                            "mcpServers.NAME.limits files", "mcpServers.NAME.limits memory",
                                            "mcpServers.NAME.limits pids"}));
}

TEST(schema, every_row_is_found_by_its_names_and_has_a_reader) {
  for (const Option& option : options()) {
    EXPECT_EQ(find_option(option.section, option.key), &option) << option.key;
    for (const std::string_view synonym : option.synonyms)
      EXPECT_EQ(find_option(option.section, synonym), &option) << synonym;
    EXPECT_FALSE(option.doc.empty()) << option.key;
    EXPECT_FALSE(expectation(option).empty()) << option.key;
    const bool nested = option.type == Type::section || option.type == Type::servers ||
                        option.type == Type::jobs || option.type == Type::steps ||
                        option.type == Type::ignored || option.type == Type::unsupported;
    EXPECT_EQ(option.set == nullptr, nested) << option.key;
  }
}

TEST(schema, keys_are_read_in_snake_case_and_with_dashes) {
  EXPECT_EQ(find_option(Section::server, "idle_timeout")->key, "idleTimeout");
  EXPECT_EQ(find_option(Section::server, "idle-timeout")->key, "idleTimeout");
  EXPECT_EQ(find_option(Section::top, "mcp_servers")->key, "mcpServers");
  EXPECT_EQ(find_option(Section::server, "_"), nullptr);
  EXPECT_EQ(find_option(Section::stop, "command"), nullptr);
}

TEST(schema, the_nearest_key_is_a_slip_away) {
  const struct {
    Section section;
    std::string_view written, meant;
  } cases[] = {
      {Section::top, "drian", "drain"},
      {Section::top, "lisetn", "listen"},
      {Section::top, "Jobs", "jobs"},
      {Section::top, "mcpServer", "mcpServers"},
      {Section::server, "comand", "command"},
      {Section::server, "evn", "env"},
      {Section::server, "idelTimeout", "idleTimeout"},
      {Section::job, "shcedule", "schedule"},
      {Section::job, "overlaps", "overlap"},
      {Section::top, "weather", ""},
      {Section::top, "", ""},
      {Section::server, "x", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(nearest_key(c.section, c.written), c.meant) << c.written;
  EXPECT_EQ(nearest_key(Section::top, std::string(5000, 'a')), "");
}

TEST(schema, the_page_follows_the_table) {
  const std::string page = std::string(HOLDFAST_SOURCE_DIR) + "/docs/configuration.md";
  if (std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr) std::ofstream(page) << options_as_markdown();
  std::stringstream text;
  text << std::ifstream(page).rdbuf();
  EXPECT_EQ(text.str(), options_as_markdown());
}

TEST(schema, the_page_says_which_options_have_no_effect_yet) {
  const std::string page = options_as_markdown();
  for (const Option& option : options()) {
    if (!option.later) continue;
    const std::size_t section = page.find(fmt::format("\n## {}\n", section_title(option.section)));
    const std::size_t row = page.find(fmt::format("| `{}`", option.key), section);
    ASSERT_NE(row, std::string::npos) << option.key;
    EXPECT_NE(page.substr(row, page.find('\n', row) - row).find("No effect in this version"),
              std::string::npos)
        << option.key;
  }
}

TEST(schema, the_terminal_page_names_every_option) {
  const std::string text = options_as_text();
  for (const Option& option : options())
    if (option.type != Type::ignored && option.type != Type::unsupported)
      EXPECT_NE(text.find(fmt::format("  {}", option.key)), std::string::npos) << option.key;
}

}  // namespace
}  // namespace holdfast::config
