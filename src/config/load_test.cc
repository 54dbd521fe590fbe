#include "config/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using testing::load;
using testing::report;

// A folder of its own that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "holdfast-config-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string problems_of(const std::filesystem::path& file) {
  return report(load_file(file, testing::environment, testing::check_schedule));
}

TEST(load, an_empty_mapping_is_the_defaults) {
  for (const std::string_view text : {"{}", "--- {}\n", "\xef\xbb\xbf{}", "mcpServers:\n"}) {
    Loaded loaded = load(text);
    EXPECT_EQ(report(loaded), "") << text;
    Config expected;
    expected.file = "/tmp/c.yaml";
    EXPECT_TRUE(loaded.config == expected) << text;
  }
}

// What an editor leaves between truncating and writing must not remove every server.
TEST(load, an_empty_text_is_no_configuration) {
  for (const std::string_view text :
       {"", "\n", " \t\n\r\n", "# nothing\n", "---\n", "null", "\xef\xbb\xbf"}) {
    const Loaded loaded = load(text);
    EXPECT_TRUE(loaded.blocks_start()) << text;
    ASSERT_EQ(loaded.problems.size(), 1U) << text;
    EXPECT_EQ(loaded.problems[0].message,
              "is empty; a configuration is a mapping with `mcpServers` and `jobs` ({} if it is to hold "
              "nothing)");
  }
}

TEST(load, all_errors_come_at_once_in_the_order_of_the_file) {
  EXPECT_EQ(
      report(R"(lisen: 127.0.0.1:1
listen: nowhere
jobs:
  late:
    schedule: "0 25 * * *"
    steps: [ghost__tool]
mcpServers:
  a: { command: x, callTimeout: soon, stop: { eof: 1y, trem: 1s } }
  b: { args: [1] }
  a: { command: y }
drain: 2h
custody: leaf
)"),
      "c.yaml:1:1: warning: lisen: unknown key \"lisen\"; did you mean \"listen\"?\n"
      "c.yaml:2:9: error: listen: found \"nowhere\": the port is missing; expected 127.0.0.1:PORT, "
      "[::1]:PORT, https://ADDRESS:PORT or unix:/path, or a list of them\n"
      "c.yaml:5:18: error: jobs.late.schedule: hour 25 is out of range 0-23\n"
      "c.yaml:6:13: warning: jobs.late.steps[0].tool: no server is called \"ghost\"; every run will fail\n"
      "c.yaml:8:33: error: mcpServers.a.callTimeout: found \"soon\"; expected a duration such as 500ms, 30s "
      "or 10m "
      "(a plain number is seconds), from 1ms to 7d\n"
      "c.yaml:8:52: error: mcpServers.a.stop.eof: found \"1y\"; expected a duration such as 500ms, 30s or "
      "10m (a "
      "plain number is seconds), from 0s to 10m\n"
      "c.yaml:8:56: warning: mcpServers.a.stop.trem: unknown key \"trem\"; did you mean \"term\"?\n"
      "c.yaml:9:3: error: mcpServers.b: has neither `command` nor `url`; one of them says what the server "
      "is\n"
      "c.yaml:10:3: error: mcpServers.a: the key \"a\" is given twice (first on line 8); keep one\n"
      "c.yaml:11:8: error: drain: found \"2h\"; expected a duration such as 500ms, 30s or 10m (a plain "
      "number is "
      "seconds), from 0s to 1h\n"
      "c.yaml:12:10: error: custody: found \"leaf\"; expected a mapping\n");
}

TEST(load, duplicate_and_misspelt_keys_are_named) {
  EXPECT_EQ(report("drain: 1s\ndrain: 2s\ndrian: 3s\n"),
            "c.yaml:2:1: error: drain: the key \"drain\" is given twice (first on line 1); keep one\n"
            "c.yaml:3:1: warning: drian: unknown key \"drian\"; did you mean \"drain\"?\n");
}

TEST(load, what_is_no_mapping_is_no_configuration) {
  EXPECT_EQ(report("- a\n"),
            "c.yaml:1:1: error: found a list; a configuration is a mapping with `mcpServers` and `jobs`\n");
  EXPECT_EQ(
      report("hello"),
      "c.yaml:1:1: error: found \"hello\"; a configuration is a mapping with `mcpServers` and `jobs`\n");
}

TEST(load, anchors_may_stand_under_x) {
  const Loaded loaded = load(
      "x-base: &base {command: x, callTimeout: 9s}\nmcpServers: {a: {<<: *base}, b: {<<: *base, callTimeout: "
      "1s}}");
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(loaded.config.servers.at("a").call_timeout, milliseconds(9'000));
  EXPECT_EQ(loaded.config.servers.at("b").call_timeout, milliseconds(1'000));
}

TEST(load, only_errors_of_the_whole_file_block_the_start) {
  const struct {
    std::string_view text;
    bool errors, blocks;
  } cases[] = {
      {"", true, true},
      {"drian: 1s", false, false},
      {"drain: x", true, true},
      {"listen: ${NONE}", true, true},
      {"mcpServers: {a: {command: \"${NONE}\"}}", true, false},
      {"mcpServers: {a: {command: x, cwd: /nowhere/at/all}}", true, false},
      {"jobs: {a: {schedule: every 1m, command: [x], cwd: /nowhere/at/all}}", true, false},
      {"listen: []", false, false},
      {"jobs: {a: {schedule: x, command: [\"${NONE}\"]}}", true, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(load(c.text).has_errors(), c.errors) << c.text;
    EXPECT_EQ(load(c.text).blocks_start(), c.blocks) << c.text;
  }
}

TEST(load, a_flood_of_warnings_hides_no_error) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += fmt::format("unknown{}: 1\n", i);
  const Loaded loaded = load(text + "drain: x\n");
  EXPECT_EQ(loaded.problems.size(), 1002U);
  EXPECT_TRUE(loaded.blocks_start());
  EXPECT_EQ(format(loaded.problems.front(), "c.yaml"), "c.yaml: warning: 4000 more problems are not shown");
}

TEST(load, a_flood_of_duplicates_is_cut) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "drain: 1s\n";
  const Loaded loaded = load(text);
  ASSERT_EQ(loaded.problems.size(), 1001U);
  EXPECT_EQ(format(loaded.problems.back(), "c.yaml"),
            "c.yaml:1002:1: error: drain: more faults such as those above are not shown");
}

TEST(load, files) {
  const Folder folder;
  const auto good = folder.write("config.yaml", "mcpServers: {a: {command: ./x}}");
  const Loaded loaded = load_file(good, testing::environment, testing::check_schedule);
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(loaded.config.file, good.string());
  EXPECT_EQ(loaded.config.servers.at("a").command, (folder.path() / "x").string());
  EXPECT_EQ(loaded.config.servers.at("a").cwd, folder.path().string());
  EXPECT_EQ(problems_of(folder.path() / "none"),
            "c.yaml: error: there is no such file; --config or HOLDFAST_CONFIG names another\n");
  EXPECT_EQ(problems_of(folder.path()), "c.yaml: error: is a directory; expected a regular file\n");
  EXPECT_EQ(problems_of(good / "below"),
            "c.yaml: error: there is no such file; --config or HOLDFAST_CONFIG names another\n");
  EXPECT_EQ(problems_of(folder.write("large", std::string((4U << 20) + 1, ' '))),
            "c.yaml: error: is larger than 4 MiB, more than a configuration may have\n");
  EXPECT_EQ(problems_of(folder.write("full", "{}" + std::string((4U << 20) - 2, '\n'))), "");
}

// Nobody writes into the pipe: whoever opened it to read, or read from it, would wait for ever.
TEST(load, what_is_no_regular_file_is_named_and_waited_for_by_nobody) {
  const Folder folder;
  const auto pipe = folder.path() / "pipe", link = folder.path() / "link";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::filesystem::create_symlink(pipe, link);
  EXPECT_EQ(problems_of(pipe), "c.yaml: error: is a pipe; expected a regular file\n");
  EXPECT_EQ(problems_of(link), "c.yaml: error: is a pipe; expected a regular file\n");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  EXPECT_EQ(problems_of(fmt::format("/proc/self/fd/{}", read_end.get())),
            "c.yaml: error: is a pipe; expected a regular file\n");
  EXPECT_EQ(problems_of("/dev/zero"), "c.yaml: error: is a device; expected a regular file\n");
}

TEST(load, the_example_has_nothing_wrong) {
  const Loaded loaded = load_file(std::string(HOLDFAST_SOURCE_DIR) + "/examples/seven-jobs.yaml",
                                  testing::environment, nullptr);
  EXPECT_FALSE(loaded.has_errors()) << report(loaded);
  EXPECT_EQ(loaded.config.jobs.size(), 7U);
}

TEST(find_config_file, the_first_that_is_set) {
  const Folder folder;
  const auto home = folder.write(".config/holdfast/config.yaml", "");
  const auto xdg = folder.write("xdg/holdfast/config.yaml", "");
  std::map<std::string, std::string, std::less<>> variables;
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  const bool system = std::filesystem::exists("/etc/holdfast/config.yaml");
  EXPECT_EQ(find_config_file("", lookup), system ? "/etc/holdfast/config.yaml" : "");
  variables["HOME"] = folder.path().string();
  EXPECT_EQ(find_config_file("", lookup), home);
  variables["XDG_CONFIG_HOME"] = "relative";  // to be ignored, as the base directory specification says
  EXPECT_EQ(find_config_file("", lookup), home);
  variables["XDG_CONFIG_HOME"] = (folder.path() / "xdg").string();
  EXPECT_EQ(find_config_file("", lookup), xdg);
  variables["HOLDFAST_CONFIG"] = "/named/but/absent.yaml";
  EXPECT_EQ(find_config_file("", lookup), "/named/but/absent.yaml");
  EXPECT_EQ(find_config_file("given.yaml", lookup), "given.yaml");
  variables["HOLDFAST_CONFIG"] = "";
  EXPECT_EQ(find_config_file("", lookup), xdg);
}

}  // namespace
}  // namespace holdfast::config
