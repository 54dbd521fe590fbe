// npx and uvx themselves against what stands in their place (`resolve: auto`): fewer processes, and the same
// server in the same surroundings.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "interop.h"

namespace holdfast::test {
namespace {

using nlohmann::json;
using Environment = std::map<std::string, std::string>;

const std::string kNode = HOLDFAST_INTEROP_NODE;

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

Environment environment_of(pid_t pid) {
  Environment all;
  std::istringstream lines(text_of("/proc/" + std::to_string(pid) + "/environ"));
  for (std::string line; std::getline(lines, line, '\0');)
    all.emplace(line.substr(0, line.find('=')), line.substr(line.find('=') + 1));
  return all;
}

// Each variable of the one that the other lacks or has otherwise.
std::vector<std::string> differences(const Environment& one, const Environment& other) {
  std::vector<std::string> names;
  for (const auto& [name, value] : one)
    if (const auto it = other.find(name); it == other.end() || it->second != value) names.push_back(name);
  return names;
}

class Launchers : public Interop {
 protected:
  // An entry of this command, in a folder that is no project.
  std::string config(const std::string& resolve, const std::string& command,
                     const std::vector<std::string>& args, json environment, const std::string& cwd) const {
    environment.update({{"HOME", home_.path().string()},
                        {"npm_config_update_notifier", "false"},
                        {"npm_config_logs_max", "0"}});
    return config_of({entry(
        "one", command,
        {"args: " + json(args).dump(), "cwd: " + cwd, "resolve: " + resolve, "env: " + environment.dump()})});
  }
  // What `ps` says of how it was run.
  static json told(GatewayProcess& gateway) {
    const auto ps = json::parse(gateway.cli({"ps", "--json"}, kPatience).out, nullptr, false);
    return ps.is_object() && !ps["instances"].empty() ? ps["instances"][0]["resolve"] : json();
  }
  Folder home_;
};

TEST_F(Launchers, a_pinned_package_of_a_project_runs_without_npx) {
  HOLDFAST_NEEDS_PROGRAM(missing("mcp-server-memory"));
  HOLDFAST_NEEDS_PROGRAM(missing_in_path("npx"));
  const auto version =
      json::parse(text_of(kNode + "/package.json"))["dependencies"]["@modelcontextprotocol/server-memory"];
  const std::vector<std::string> args{"-y",
                                      "@modelcontextprotocol/server-memory@" + version.get<std::string>()};
  const json environment{{"MEMORY_FILE_PATH", (home_.path() / "memory.json").string()}};
  std::map<std::string, std::size_t> processes;
  for (const std::string resolve : {"off", "auto"}) {
    GatewayProcess gateway(config(resolve, "npx", args, environment, kNode));
    Bridge bridge(gateway, "one");
    EXPECT_NE(bridge.call("1", "read_graph", "{}").find("entities"), std::string::npos) << gateway.log();
    processes[resolve] = running("server-memory").size();
    if (resolve == "auto")
      EXPECT_EQ(told(gateway)["direct"], true) << told(gateway);
    else
      EXPECT_TRUE(told(gateway).is_null()) << told(gateway);
  }
  EXPECT_EQ(processes["auto"], 1U);
  EXPECT_GE(processes["off"], 2U);
}

TEST_F(Launchers, an_installed_tool_runs_without_uvx) {
  HOLDFAST_NEEDS_PROGRAM(missing("uvx"));
  HOLDFAST_NEEDS_PROGRAM(missing("mcp-server-time"));
  const std::string tools = std::filesystem::canonical(HOLDFAST_TOOLS_BIN "/../uv");
  const std::string requirements = text_of(HOLDFAST_INTEROP_PYTHON "/requirements.txt");
  const auto at = requirements.find("mcp-server-time==");
  ASSERT_NE(at, std::string::npos);
  const std::string pinned = requirements.substr(at, requirements.find_first_of(" ;\\\n", at) - at);
  std::map<std::string, std::size_t> processes;
  std::map<std::string, Environment> environments;
  for (const std::string resolve : {"off", "auto"}) {
    GatewayProcess gateway(config(resolve, "uvx", {"--offline", pinned, "--local-timezone", "Etc/UTC"},
                                  {{"UV_TOOL_DIR", tools}, {"UV_NO_CACHE", "1"}}, home_.path()));
    Bridge bridge(gateway, "one");
    EXPECT_NE(bridge.call("1", "get_current_time", R"({"timezone":"Etc/UTC"})").find("UTC"),
              std::string::npos)
        << gateway.log();
    processes[resolve] = running("mcp-server-time").size();
    ASSERT_EQ(running("bin/mcp-server-time").size(), 1U);
    environments[resolve] = environment_of(running("bin/mcp-server-time").front());
  }
  EXPECT_EQ(processes["auto"], 1U);
  EXPECT_EQ(processes["off"], 2U);
  EXPECT_EQ(differences(environments["off"], environments["auto"]),
            std::vector<std::string>{"HOLDFAST_TREE"});
  EXPECT_EQ(differences(environments["auto"], environments["off"]),
            std::vector<std::string>{"HOLDFAST_TREE"});
}

// npx installs it from a registry of the test's own; from then on its cache has it.
class Cached : public Launchers {
 protected:
  void SetUp() override {
    Launchers::SetUp();
    HOLDFAST_NEEDS_PROGRAM(missing("node"));
    HOLDFAST_NEEDS_PROGRAM(missing_in_path("npx"));
    const auto package = work_.path() / "package";
    std::filesystem::create_directories(package);
    std::ofstream(package / "package.json")
        << R"({"name":"holdfast-pinned","version":"1.2.3","type":"module","bin":{"pinned-server":"server.mjs"}})";
    std::ofstream(package / "server.mjs")
        << "#!/usr/bin/env node\nimport { serve } from './serve.mjs';\nserve('pinned');\n";
    std::filesystem::copy_file(kNode + "/serve.mjs", package / "serve.mjs");
    registry_ = std::make_unique<Program>(
        HOLDFAST_TOOLS_BIN "/node", std::vector<std::string>{kNode + "/registry.mjs", package, work_.path()},
        work_.path() / "registry.log");
    address_ = registry_->read_line(kPatience).value_or("");
    ASSERT_TRUE(address_.starts_with("http://127.0.0.1:")) << text_of(work_.path() / "registry.log");
  }
  void TearDown() override {
    registry_.reset();
    Launchers::TearDown();
  }
  [[nodiscard]] std::string pinned(const std::string& resolve,
                                   const std::string& spec = "holdfast-pinned@1.2.3") const {
    return config(resolve, "npx", {"-y", spec}, {{"npm_config_registry", address_}}, work_.path());
  }
  // A call is answered; the one process of the server itself.
  static pid_t served(GatewayProcess& gateway) {
    Bridge bridge(gateway, "one");
    EXPECT_NE(bridge.call("1", "read_graph", "{}").find("still here"), std::string::npos) << gateway.log();
    return running("pinned-server").empty() ? 0 : running("pinned-server").back();
  }

  Folder work_;
  std::unique_ptr<Program> registry_;
  std::string address_;
};

TEST_F(Cached, the_first_start_installs_and_the_next_one_is_direct) {
  GatewayProcess gateway(pinned("auto"));
  {
    Bridge bridge(gateway, "one");
    EXPECT_NE(bridge.call("1", "read_graph", "{}").find("still here"), std::string::npos) << gateway.log();
    EXPECT_EQ(told(gateway)["direct"], false);
    EXPECT_EQ(told(gateway)["how"], "holdfast-pinned@1.2.3 is not installed yet");
    EXPECT_EQ(running("npm exec").size(), 1U);
  }
  ASSERT_TRUE(eventually([] { return leaders().empty(); }));
  Bridge bridge(gateway, "one");
  EXPECT_NE(bridge.call("1", "read_graph", "{}").find("still here"), std::string::npos) << gateway.log();
  EXPECT_EQ(told(gateway)["direct"], true) << told(gateway);
  EXPECT_EQ(running("npm exec").size(), 0U);
  EXPECT_EQ(running("pinned-server").size(), 1U) << to_string(living_servers());
  const auto ps = gateway.cli({"ps"}).out;
  EXPECT_NE(ps.find("direct"), std::string::npos) << ps;
}

TEST_F(Cached, the_server_finds_what_npx_would_have_set) {
  std::map<std::string, Environment> environments;
  for (const std::string resolve : {"off", "auto"}) {
    GatewayProcess gateway(pinned(resolve));
    Bridge bridge(gateway, "one");
    EXPECT_NE(bridge.call("1", "read_graph", "{}").find("still here"), std::string::npos) << gateway.log();
    const auto servers = running(".bin/pinned-server");
    ASSERT_EQ(servers.size(), 1U) << to_string(living_servers());
    environments[resolve] = environment_of(servers.front());
  }
  auto& npx = environments["off"];
  auto& direct = environments["auto"];
  // docs/launchers.md names these.
  std::erase_if(npx, [](const auto& one) {
    return one.first.starts_with("npm_config_") || one.first == "npm_lifecycle_script" ||
           one.first == "COLOR" || one.first == "EDITOR";
  });
  std::erase_if(direct, [](const auto& one) { return one.first.starts_with("npm_config_"); });
  std::string& path = npx["PATH"];
  const auto gyp = path.find("/node-gyp-bin:");
  ASSERT_NE(gyp, std::string::npos);
  path.erase(path.rfind(':', gyp) + 1, gyp + 14 - path.rfind(':', gyp) - 1);
  EXPECT_EQ(differences(npx, direct), std::vector<std::string>{"HOLDFAST_TREE"});
  EXPECT_EQ(differences(direct, npx), std::vector<std::string>{"HOLDFAST_TREE"});
}

TEST_F(Cached, what_names_no_version_is_left_to_npx) {
  {
    GatewayProcess first(pinned("off"));
    EXPECT_NE(served(first), 0);
  }
  GatewayProcess gateway(pinned("auto", "holdfast-pinned"));
  Bridge bridge(gateway, "one");
  EXPECT_NE(bridge.call("1", "read_graph", "{}").find("still here"), std::string::npos) << gateway.log();
  EXPECT_EQ(told(gateway)["how"], "holdfast-pinned names no exact version");
  EXPECT_EQ(running("npm exec").size(), 1U);
}

}  // namespace
}  // namespace holdfast::test
