// HTTP+SSE, the transport of 2024-11-05: official clients that come by it, and an official server that speaks
// nothing else.
#include <signal.h>

#include "sdk.h"

namespace holdfast::test {
namespace {

constexpr const char* kEverything = "mcp-server-everything";

class OfficialSseClient : public Interop, public testing::WithParamInterface<Sdk> {
 protected:
  void SetUp() override {
    Interop::SetUp();
    HOLDFAST_NEEDS_PROGRAM(missing(GetParam().program));
    HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  }
};

TEST_P(OfficialSseClient, works_on_a_server_of_its_own_which_is_gone_with_its_stream) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_sse(gateway, "everything"), "2024-11-05");
  EXPECT_TRUE(client.hello().starts_with("connected ")) << client.hello();
  EXPECT_NE(client.hello().find("mcp-servers/everything"), std::string::npos) << client.hello();
  EXPECT_NE(client.tell("list").find(" get-sum"), std::string::npos);
  EXPECT_EQ(client.tell("ping"), "pong");
  EXPECT_EQ(client.tell("parallel\t50\techo\t{\"message\":\"all\"}"), "results 50");
  EXPECT_EQ(client.tell("cancel\t500\ttrigger-long-running-operation\t{\"duration\":50,\"steps\":50}"),
            "cancelled");
  EXPECT_EQ(client.tell("call\techo\t{\"message\":\"on\"}"), "result \"Echo: on\"");
  EXPECT_EQ(running(kEverything).size(), 1U);
  EXPECT_GE(client.close(), 0);
  EXPECT_TRUE(eventually([] { return running(kEverything).empty(); })) << to_string(living_servers());
}

TEST_P(OfficialSseClient, that_offers_a_newer_revision_takes_the_one_of_the_transport) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_sse(gateway, "everything"), "2025-11-25");
  EXPECT_EQ(client.hello(), "connected 2024-11-05 mcp-servers/everything");
  EXPECT_EQ(client.tell("call\techo\t{\"message\":\"on\"}"), "result \"Echo: on\"");
  EXPECT_GE(client.close(), 0);
}

TEST_P(OfficialSseClient, is_asked_by_its_server_for_its_roots_and_its_model) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_sse(gateway, "everything"), "2024-11-05");
  for (const std::string tool : {"get-roots-list", "trigger-sampling-request"})
    ASSERT_TRUE(eventually([&] { return client.tell("list").find(" " + tool) != std::string::npos; }))
        << tool;
  const auto roots = client.tell("call\tget-roots-list\t{}");
  EXPECT_NE(roots.find("file:///kelp"), std::string::npos) << roots;
  const auto sampled = client.tell("call\ttrigger-sampling-request\t{\"prompt\":\"what does it do?\"}");
  EXPECT_NE(sampled.find("it grips the rock"), std::string::npos) << sampled;
  EXPECT_GE(client.close(), 0);
}

TEST_P(OfficialSseClient, killed_in_the_middle_of_a_call_loses_its_server) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient victim(GetParam(), gateway, by_sse(gateway, "everything"), "2024-11-05");
  SdkClient sibling(GetParam(), gateway, by_sse(gateway, "everything"), "2024-11-05");
  ASSERT_EQ(running(kEverything).size(), 2U) << victim.hello() << sibling.hello();
  EXPECT_EQ(victim.tell("start\ttrigger-long-running-operation\t{\"duration\":50,\"steps\":50}"), "started");
  EXPECT_EQ(victim.tell("ping"), "pong");
  victim.program().signal(SIGKILL);
  EXPECT_TRUE(eventually([] { return running(kEverything).size() == 1; })) << to_string(living_servers());
  EXPECT_EQ(sibling.tell("call\techo\t{\"message\":\"fine\"}"), "result \"Echo: fine\"");
  EXPECT_GE(sibling.close(), 0);
}

INSTANTIATE_TEST_SUITE_P(sdk, OfficialSseClient, testing::ValuesIn(kSdks),
                         [](const auto& info) { return std::string(info.param.name); });

class OfficialSseServer : public Interop {};

TEST_F(OfficialSseServer, is_listed_and_called_asks_and_says_and_is_left_when_its_client_goes) {
  HOLDFAST_NEEDS_PROGRAM(missing(kTypescript.program));
  const Folder folder;
  Program server(HOLDFAST_TOOLS_BIN "/node", {HOLDFAST_INTEROP_NODE "/sse_server.mjs"},
                 folder.path() / "server.log");
  const std::string port = server.read_line(kPatience).value_or("");
  ASSERT_FALSE(port.empty()) << "it did not start";
  GatewayProcess gateway("listen: []\nmcpServers:\n  old: { url: \"http://127.0.0.1:" + port + "/sse\" }\n");
  {
    Bridge client(gateway, "old", R"({"sampling":{}})");
    EXPECT_NE(client.hello().find("\"old\""), std::string::npos) << client.hello();
    EXPECT_EQ(server.read_line(kPatience), "clients 1");
    EXPECT_NE(client.call("1", "echo", R"({"text":"hi"})").find("hi"), std::string::npos);
    client.start_call("2", "grow", "{}");
    bool changed = false, answered = false;
    while (!(changed && answered)) {
      const std::string line = client.next();
      ASSERT_FALSE(line.empty());
      changed = changed || line.find("list_changed") != std::string::npos;
      answered = answered || line.find("\"id\":2") != std::string::npos;
    }
    client.start_call("3", "ask", "{}");
    const std::string asked = client.next();
    ASSERT_NE(asked.find("sampling/createMessage"), std::string::npos) << asked;
    const auto at = asked.find("\"id\":") + 5;
    client.send(R"({"jsonrpc":"2.0","id":)" + asked.substr(at, asked.find(',', at) - at) +
                R"(,"result":{"role":"assistant","model":"m","content":{"type":"text","text":"it grips"}}})");
    EXPECT_NE(client.answer().find("it grips"), std::string::npos);
    client.program().close_stdin();
    EXPECT_TRUE(client.program().wait(kPatience));
  }
  EXPECT_EQ(server.read_line(kPatience), "clients 0");
}

}  // namespace
}  // namespace holdfast::test
