#include "gateway/resolve.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/ids.h"
#include "gateway/launcher.h"

namespace holdfast::gateway {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A machine in a folder: node, npm and uv as far as the files go that a look is cast at.
class Machine {
 public:
  Machine() {
    program("usr/bin/node",
            "\x7f"
            "ELF");
    program("usr/lib/node_modules/npm/bin/npx-cli.js", "#!/usr/bin/env node\n");
    file("usr/lib/node_modules/npm/package.json", R"({"name":"npm","version":"11.19.1"})");
    link("usr/bin/npx", "../lib/node_modules/npm/bin/npx-cli.js");
    program("usr/bin/uvx",
            "\x7f"
            "ELF");
    program("usr/bin/uv",
            "\x7f"
            "ELF");
    fs::create_directories(root / "work");
    fs::create_directories(root / "home");
  }
  ~Machine() { fs::remove_all(root); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void file(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  void program(const std::string& path, const std::string& text = "#!/usr/bin/env node\n") {
    file(path, text);
    fs::permissions(root / path, fs::perms::owner_all);
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_directories((root / path).parent_path());
    fs::create_symlink(target, root / path);
  }
  // A package in a node_modules folder, with one program.
  void package(const std::string& modules, const std::string& name, const std::string& version,
               const std::string& bin = R"({"serve":"dist/index.js"})") {
    file(modules + "/" + name + "/package.json",
         R"({"name":")" + name + R"(","version":")" + version + R"(","bin":)" + bin + "}");
    program(modules + "/" + name + "/dist/index.js");
  }
  // The same as npx leaves it in its cache; the folder's name is a digest of the spec.
  std::string cached(const std::string& digest, const std::string& name, const std::string& version) {
    const std::string modules = "home/.npm/_npx/" + digest + "/node_modules";
    package(modules, name, version);
    file(modules + "/.package-lock.json", "{}");
    link(modules + "/.bin/serve", "../" + name + "/dist/index.js");
    return modules;
  }
  void tool(const std::string& name, const std::string& dist, const std::string& program_name) {
    const std::string at = "home/.local/share/uv/tools/" + name;
    file(at + "/uv-receipt.toml", "[tool]\nrequirements = [{ name = \"x\" }]\n");
    file(at + "/pyvenv.cfg", "uv = 0.13.8\n");
    link(at + "/bin/python", (root / "usr/bin/node").string());
    fs::create_directories(root / at / "lib/python3.11/site-packages" / (dist + ".dist-info"));
    program(at + "/bin/" + program_name, "#!/x/python\n");
  }

  Launch look(const std::string& launcher, Words arguments, Words environment = {}) const {
    custody::Command command{
        .program = launcher, .arguments = std::move(arguments), .environment = {}, .cwd = cwd};
    command.environment = {"HOME=" + (root / "home").string(),
                           "PATH=" + (root / "usr/bin").string() + ":/nowhere"};
    for (auto& line : environment) command.environment.push_back(std::move(line));
    return resolve(command);
  }
  Launch npx(Words arguments, Words environment = {}) const {
    return look("npx", std::move(arguments), std::move(environment));
  }

  const fs::path root = fs::canonical(fs::temp_directory_path()) / ("holdfast-resolve-" + random_hex(6));
  std::string cwd = (root / "work").string();
};

// printf '@mine/server@1.2.3' | sha512sum | cut -c1-16
constexpr const char* kMine = "3179fb39238fc3ee";
const std::string kSpec = "@mine/server@1.2.3";

TEST(resolve, a_pinned_package_in_the_cache_of_npx) {
  Machine machine;
  const std::string modules = machine.cached(kMine, "@mine/server", "1.2.3");
  const Launch launch = machine.npx({"-y", kSpec, "--port", "-y", "--"});
  ASSERT_TRUE(launch.direct) << launch.how;
  EXPECT_EQ(launch.command.program, (machine.root / modules / ".bin/serve").string());
  EXPECT_EQ(launch.how, launch.command.program);
  EXPECT_EQ(launch.command.arguments, (Words{"--port", "-y", "--"}));
  EXPECT_EQ(launch.command.cwd, machine.cwd);
}

TEST(resolve, what_npx_sets_for_its_program_is_set) {
  Machine machine;
  const std::string modules = machine.cached(kMine, "@mine/server", "1.2.3");
  const Launch launch = machine.npx({kSpec}, {"TOKEN=secret"});
  ASSERT_TRUE(launch.direct) << launch.how;
  const auto value = [&](const char* name) { return launcher::variable(launch.command.environment, name); };
  EXPECT_TRUE(value("PATH").starts_with((machine.root / modules / ".bin").string() + ":" + machine.cwd +
                                        "/node_modules/.bin:"))
      << value("PATH");
  EXPECT_TRUE(
      value("PATH").ends_with(":/node_modules/.bin:" + (machine.root / "usr/bin").string() + ":/nowhere"));
  EXPECT_EQ(value("INIT_CWD"), machine.cwd);
  EXPECT_EQ(value("NODE"), (machine.root / "usr/bin/node").string());
  EXPECT_EQ(value("npm_execpath"), (machine.root / "usr/lib/node_modules/npm/bin/npm-cli.js").string());
  EXPECT_EQ(value("TOKEN"), "secret");
}

TEST(resolve, every_way_to_write_the_same) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.3");
  const Words ways[] = {{kSpec},
                        {"--yes", kSpec},
                        {"-q", "--", kSpec},
                        {"--prefer-offline", "--no-install", kSpec},
                        {"-p", kSpec, "serve"},
                        {"--package", kSpec, "-y", "--", "serve"},
                        {"--package=" + kSpec, "serve"}};
  for (const auto& way : ways) EXPECT_TRUE(machine.npx(way).direct) << machine.npx(way).how;
  EXPECT_TRUE(machine.look((machine.root / "usr/bin/npx").string(), {kSpec}).direct);
}

TEST(resolve, what_is_not_certain_is_run_as_written) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.3");
  const struct {
    Words arguments;
    std::string why;
  } cases[] = {
      {{"-y", "@mine/server"}, "@mine/server names no exact version"},
      {{"-y", "@mine/server@latest"}, "@mine/server@latest names no exact version"},
      {{"-y", "@mine/server@^1.2.3"}, "@mine/server@^1.2.3 names no exact version"},
      {{"-y", "@mine/server@1.2.4"}, "@mine/server@1.2.4 is not installed yet"},
      {{"-y", "other@1.2.3"}, "other@1.2.3 is not installed yet"},
      {{"-y", "./folder@1.2.3"}, "./folder@1.2.3 names no exact version"},
      {{"-c", "serve"}, "the option -c is not one that is understood here"},
      {{"--workspace=a", kSpec}, "the option --workspace=a is not one that is understood here"},
      {{"-p", kSpec, "-p", kSpec, "serve"}, "the option -p is not one that is understood here"},
      {{"-p", kSpec, "sh"}, "sh is no program of its own"},
      {{"-p", kSpec, "../serve"}, "../serve is no plain name"},
      {{"-p"}, "the option -p is not one that is understood here"},
      {{"-y"}, "it names no package"},
      {{}, "it names no package"},
  };
  for (const auto& [arguments, why] : cases) {
    const Launch launch = machine.npx(arguments);
    EXPECT_FALSE(launch.direct) << why;
    EXPECT_EQ(launch.how, why);
    EXPECT_EQ(launch.command.program, "npx");
    EXPECT_EQ(launch.command.arguments, arguments);
  }
}

TEST(resolve, a_package_of_another_version_is_not_run_in_its_place) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.4");  // as an old npx may leave it
  EXPECT_FALSE(machine.npx({kSpec}).direct);
  machine.tool("mine", "mine-1.2.4", "mine");
  EXPECT_FALSE(machine.look("uvx", {"mine==1.2.3"}).direct);
}

TEST(resolve, an_installation_under_way_is_not_run) {
  Machine machine;
  const std::string modules = machine.cached(kMine, "@mine/server", "1.2.3");
  fs::create_directories(machine.root / modules / "../concurrency.lock");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
  fs::remove(machine.root / modules / "../concurrency.lock");
  EXPECT_TRUE(machine.npx({kSpec}).direct);
  fs::remove(machine.root / modules / ".package-lock.json");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
}

TEST(resolve, the_cache_is_where_npm_is_told_that_it_is) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.3");
  fs::rename(machine.root / "home/.npm", machine.root / "elsewhere");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
  const std::string elsewhere = (machine.root / "elsewhere").string();
  EXPECT_TRUE(machine.npx({kSpec}, {"npm_config_cache=" + elsewhere}).direct);
  EXPECT_TRUE(machine.npx({kSpec}, {"NPM_CONFIG_CACHE=" + elsewhere}).direct);
  EXPECT_FALSE(machine.npx({kSpec}, {"npm_config_cache=../elsewhere"}).direct);
  machine.file("home/.npmrc", "; mine\nfund=false\n//host/:_authToken=x\n cache = ~/../elsewhere\n");
  EXPECT_TRUE(machine.npx({kSpec}).direct) << machine.npx({kSpec}).how;
  EXPECT_FALSE(machine.npx({kSpec}, {"npm_config_cache=/none"}).direct);  // the environment comes first
}

TEST(resolve, a_setting_that_may_change_what_is_run_forbids) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.3");
  ASSERT_TRUE(machine.npx({kSpec}, {"npm_config_loglevel=warn"}).direct);
  for (const char* line : {"npm_config_script_shell=/bin/zsh", "npm_config_node_options=-r x", "PREFIX=/x",
                           "npm_config_userconfig=/x", "NPM_CONFIG_WORKSPACE=a"})
    EXPECT_FALSE(machine.npx({kSpec}, {line}).direct) << line;
  machine.file("home/.npmrc", "script-shell=/bin/zsh\n");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
  machine.file("home/.npmrc", "registry=https://r/\n");
  EXPECT_TRUE(machine.npx({kSpec}).direct);
  machine.file("usr/etc/npmrc", "before=2020-01-01\n");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
  machine.file("usr/etc/npmrc", "fund=false\n");
  machine.file("work/.npmrc", "cache=/x\n");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
}

TEST(resolve, a_project_comes_first_and_only_what_it_has_at_the_top_is_certain) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.3");
  fs::create_directories(machine.root / "work/node_modules");
  EXPECT_EQ(machine.npx({kSpec}).how, "npx asks the packages of " + machine.cwd + " first");
  machine.package("work/node_modules", "@mine/server", "1.2.3");
  machine.link("work/node_modules/.bin/serve", "../@mine/server/dist/index.js");
  const Launch launch = machine.npx({kSpec});
  ASSERT_TRUE(launch.direct) << launch.how;
  EXPECT_EQ(launch.command.program, machine.cwd + "/node_modules/.bin/serve");
  // A folder below it has it from there, unless its own program of that name comes before.
  fs::create_directories(machine.root / "work/below");
  machine.cwd = (machine.root / "work/below").string();
  EXPECT_TRUE(machine.npx({kSpec}).direct);
  machine.file("work/package.json", R"({"name":"work","workspaces":["below"]})");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
}

TEST(resolve, another_program_of_that_name_is_not_taken_for_it) {
  Machine machine;
  const std::string modules = machine.cached(kMine, "@mine/server", "1.2.3");
  fs::remove(machine.root / modules / ".bin/serve");
  machine.program(modules + "/.bin/serve");
  EXPECT_FALSE(machine.npx({kSpec}).direct);
}

TEST(resolve, a_package_that_is_installed_globally) {
  Machine machine;
  machine.package("usr/lib/node_modules", "@mine/server", "1.2.3");
  machine.link("usr/bin/serve", "../lib/node_modules/@mine/server/dist/index.js");
  const Launch launch = machine.npx({kSpec});
  ASSERT_TRUE(launch.direct) << launch.how;
  EXPECT_EQ(launch.command.program, (machine.root / "usr/bin/serve").string());
  EXPECT_FALSE(machine.npx({"-p", kSpec, "serve"}).direct);  // then npx does not look there
}

TEST(resolve, the_program_is_the_one_that_npx_chooses) {
  Machine machine;
  const auto chosen = [&](const std::string& bin) {
    machine.package("usr/lib/node_modules", "@mine/server", "1.2.3", bin);
    const Launch launch = machine.npx({kSpec});
    return launch.direct ? fs::path(launch.command.program).filename().string() : std::string();
  };
  for (const char* name : {"server", "serve", "first", "other"})
    machine.link(std::string("usr/bin/") + name, "../lib/node_modules/@mine/server/dist/index.js");
  machine.program("usr/lib/node_modules/@mine/server/dist/other.js");
  EXPECT_EQ(chosen(R"("./dist/index.js")"), "server");
  EXPECT_EQ(chosen(R"({"first":"dist/index.js","other":"dist/index.js"})"), "first");
  EXPECT_EQ(chosen(R"({"first":"dist/other.js","server":"dist/index.js"})"), "server");
  EXPECT_EQ(chosen(R"({"first":"dist/other.js","second":"dist/index.js"})"), "");
  EXPECT_EQ(chosen(R"({"server":"dist/other.js"})"), "");  // the link is another's
  EXPECT_EQ(chosen("{}"), "");
}

TEST(resolve, a_launcher_that_is_not_known_is_run_as_written) {
  Machine machine;
  machine.cached(kMine, "@mine/server", "1.2.3");
  machine.file("usr/lib/node_modules/npm/package.json", R"({"name":"npm","version":"12.0.0"})");
  EXPECT_EQ(machine.npx({kSpec}).how, "npm 12.0.0 may look elsewhere than 9 to 11 do");
  fs::remove(machine.root / "usr/bin/npx");
  machine.program("usr/bin/npx", "#!/bin/sh\n");
  EXPECT_EQ(machine.npx({kSpec}).how, "this npx is not npm's own");
  EXPECT_FALSE(is_launcher("node") || is_launcher("xnpx") || is_launcher("npx/x") || is_launcher(""));
  EXPECT_TRUE(is_launcher("npx") && is_launcher("/usr/bin/npx") && is_launcher("uvx"));
}

TEST(resolve, an_installed_tool_of_uv) {
  Machine machine;
  machine.tool("mcp-server-time", "mcp_server_time-2026.10.19", "mcp-server-time");
  const Words ways[] = {{"mcp-server-time==2026.10.19", "--x"},
                        {"MCP_Server.time@2026.10.19", "--x"},
                        {"--from", "mcp_server_time==2026.10.19", "mcp-server-time", "--x"},
                        {"--offline", "--from=mcp-server-time@2026.10.19", "mcp-server-time", "--x"}};
  for (const auto& way : ways) {
    const Launch launch = machine.look("uvx", way);
    if (way.front().starts_with("MCP")) {  // its program would have that very name
      EXPECT_FALSE(launch.direct);
      continue;
    }
    ASSERT_TRUE(launch.direct) << launch.how;
    const std::string bin = (machine.root / "home/.local/share/uv/tools/mcp-server-time/bin").string();
    EXPECT_EQ(launch.command.program, bin + "/mcp-server-time");
    EXPECT_EQ(launch.command.arguments, Words{"--x"});
    EXPECT_TRUE(launcher::variable(launch.command.environment, "PATH").starts_with(bin + ":"));
    EXPECT_EQ(launcher::variable(launch.command.environment, "UV"), (machine.root / "usr/bin/uv").string());
  }
}

TEST(resolve, what_uvx_may_run_otherwise_is_run_as_written) {
  Machine machine;
  machine.tool("mine", "mine-1.2.3", "mine");
  ASSERT_TRUE(machine.look("uvx", {"mine==1.2.3"}).direct) << machine.look("uvx", {"mine==1.2.3"}).how;
  for (const Words& words : std::vector<Words>{{"mine"},
                                               {"mine>=1.2.3"},
                                               {"mine@latest"},
                                               {"mine==1.2.*"},
                                               {"mine[extra]==1.2.3"},
                                               {"mine==1.2.4"},
                                               {"--with", "x", "mine==1.2.3"},
                                               {"--python=3.12", "mine==1.2.3"},
                                               {"--isolated", "mine==1.2.3"},
                                               {"--from", "mine==1.2.3", "other"},
                                               {"--from", "mine==1.2.3"},
                                               {}})
    EXPECT_FALSE(machine.look("uvx", words).direct) << testing::PrintToString(words);
  for (const char* line :
       {"UV_PYTHON=3.12", "UV_INDEX_URL=https://x", "UV_TOOL_DIR=/nowhere", "XDG_DATA_HOME=/x"})
    EXPECT_FALSE(machine.look("uvx", {"mine==1.2.3"}, {line}).direct) << line;
  machine.file("home/.config/uv/uv.toml", "offline = true\n");
  EXPECT_FALSE(machine.look("uvx", {"mine==1.2.3"}).direct);
  fs::remove(machine.root / "home/.config/uv/uv.toml");
  machine.file("home/.local/share/uv/tools/mine/uv-receipt.toml",
               "[tool]\n[tool.options]\nprerelease = \"allow\"\n");
  EXPECT_FALSE(machine.look("uvx", {"mine==1.2.3"}).direct);
}

}  // namespace
}  // namespace holdfast::gateway
