// Wrappers that neither forward a signal nor end with their child: every chain is gone after every end.
#include <signal.h>

#include <ostream>

#include "interop.h"

namespace holdfast::test {
namespace {

struct Chain {
  const char* name;
  const char* server;  // of .tools/bin, or a script of tests/interop/node
  const char* command;
  const char* settings;
  const char* tool;
  const char* arguments;
  const char* wrapper;  // another program of PATH that it needs, or ""
};

void PrintTo(const Chain& chain, std::ostream* out) { *out << chain.name; }

#define NODE_SCRIPTS HOLDFAST_INTEROP_NODE
const std::vector<Chain> kChains{
    {"sh_node", "mcp-server-memory", "sh", "args: [-c, \"mcp-server-memory; true\"]", "read_graph", "{}", ""},
    {"sh_sh_node", "mcp-server-memory", "sh",
     "args: [-c, \"sh -c 'sh -c \\\"mcp-server-memory; true\\\"; true'; true\"]", "read_graph", "{}", ""},
    {"sh_deaf_node", "deaf_server.mjs", "sh", "args: [-c, \"node " NODE_SCRIPTS "/deaf_server.mjs; true\"]",
     "read_graph", "{}", ""},
    {"sh_background_node", "deaf_server.mjs", "sh",
     "args: [-c, \"exec 3<&0; (setsid node " NODE_SCRIPTS "/deaf_server.mjs <&3 &) ; sleep 300\"]",
     "read_graph", "{}", ""},
    {"npx_sh_node", "mcp-server-memory", "npx", "args: [--offline, mcp-server-memory]", "read_graph", "{}",
     "npx"},
    {"sh_python", "mcp-server-time", "sh", "args: [-c, \"mcp-server-time --local-timezone Etc/UTC; true\"]",
     "get_current_time", R"({"timezone":"Etc/UTC"})", ""},
};

class WrapperChain : public Interop, public testing::WithParamInterface<Chain> {
 protected:
  void SetUp() override {
    Interop::SetUp();
    const std::string server = GetParam().server;
    HOLDFAST_NEEDS_PROGRAM(missing(server.ends_with(".mjs") ? "node" : server));
    HOLDFAST_NEEDS_PROGRAM(*GetParam().wrapper ? missing_in_path(GetParam().wrapper) : std::string());
    gateway_ = std::make_unique<GatewayProcess>(config_of(
        {entry("chain", GetParam().command,
               {GetParam().settings, "cwd: " NODE_SCRIPTS, "stop: { eof: 500ms, term: 500ms, lost: 500ms }",
                "env: { MEMORY_FILE_PATH: \"" + (folder_.path() / "memory.json").string() +
                    "\", npm_config_logs_max: \"0\", npm_config_update_notifier: \"false\" }"})}));
    client_ = std::make_unique<Bridge>(*gateway_, "chain");
    const auto answer = call();
    ASSERT_NE(answer.find("\"result\""), std::string::npos) << answer << gateway_->log();
    ASSERT_GE(running(GetParam().server).size(), 1U);
    ASSERT_GE(tree().size(), 2U) << "no chain: " << to_string(living_servers());
  }
  void TearDown() override {
    client_.reset();
    gateway_.reset();
    Interop::TearDown();
  }
  std::string call() { return client_->call("1", GetParam().tool, GetParam().arguments); }
  // The whole chain: what lives besides the gateway and the client.
  std::vector<pid_t> tree() {
    std::vector<pid_t> found;
    for (const auto& living : living_servers())
      if (living.pid != gateway_->program().pid() && living.pid != client_->program().pid())
        found.push_back(living.pid);
    return found;
  }
  bool all_gone(std::chrono::milliseconds limit) {
    return eventually([&] { return tree().empty(); }, limit);
  }

  Folder folder_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<Bridge> client_;
};

TEST_P(WrapperChain, is_gone_when_its_client_ends) {
  client_->program().close_stdin();
  EXPECT_TRUE(all_gone(15s)) << to_string(living_servers());
}

TEST_P(WrapperChain, is_gone_after_shutdown) {
  EXPECT_EQ(gateway_->cli({"shutdown"}, kPatience).exit.code, 0);
  EXPECT_TRUE(tree().empty()) << to_string(living_servers());
}

TEST_P(WrapperChain, is_gone_after_sigkill_of_the_gateway) {
  gateway_->program().signal(SIGKILL);
  EXPECT_TRUE(all_gone(10s)) << to_string(living_servers());
}

TEST_P(WrapperChain, is_gone_when_a_stranger_kills_the_wrapper_and_the_next_call_is_served) {
  const auto wrapper = leaders();
  ASSERT_GE(wrapper.size(), 1U);
  const auto before = tree();
  const auto handle = os::PidFd::open(wrapper.front());
  ASSERT_TRUE(handle && *handle->signal(SIGKILL));
  EXPECT_TRUE(eventually(
      [&] {
        for (const pid_t now : tree())
          for (const pid_t then : before)
            if (now == then) return false;
        return true;
      },
      15s))
      << to_string(living_servers());
  const auto answer = call();
  EXPECT_NE(answer.find("\"result\""), std::string::npos) << answer;
}

INSTANTIATE_TEST_SUITE_P(chains, WrapperChain, testing::ValuesIn(kChains),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace holdfast::test
