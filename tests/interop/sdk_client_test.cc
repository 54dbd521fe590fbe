// The official clients, each a process of its own, on `holdfast connect`.
#include <signal.h>

#include <fstream>

#include "sdk.h"

namespace holdfast::test {
namespace {

constexpr const char* kMemory = "mcp-server-memory";
constexpr const char* kEverything = "mcp-server-everything";
constexpr const char* kLong = "trigger-long-running-operation\t{\"duration\":50,\"steps\":50}";

class SdkTest : public Interop {
 protected:
  void prepare(const Sdk& sdk) {
    HOLDFAST_NEEDS_PROGRAM(missing(sdk.program));
    HOLDFAST_NEEDS_PROGRAM(missing(kMemory));
  }
  std::string memory(const std::string& sharing) const {
    return entry("memory", kMemory,
                 {"sharing: " + sharing,
                  "env: { MEMORY_FILE_PATH: \"" + (folder_.path() / "memory.json").string() + "\" }"});
  }
  Folder folder_;
};

class OfficialClient : public SdkTest, public testing::WithParamInterface<Sdk> {
 protected:
  void SetUp() override {
    SdkTest::SetUp();
    prepare(GetParam());
  }
};

void work(SdkClient& client) {
  EXPECT_NE(client.tell("list").find(" read_graph"), std::string::npos);
  const auto created = client.tell(
      "call\tcreate_entities\t{\"entities\":[{\"name\":\"kelp\",\"entityType\":\"alga\",\"observations\":["
      "\"grips\"]}]}");
  EXPECT_TRUE(created.starts_with("result ")) << created;
  EXPECT_EQ(client.tell("parallel\t20\tread_graph\t{}"), "results 20");
  EXPECT_EQ(client.tell("ping"), "pong");
  client.expect_no_strays();
}

TEST_P(OfficialClient, L47_works_on_a_server_of_its_own_which_is_gone_after_close) {
  GatewayProcess gateway(config_of({memory("session")}));
  SdkClient client(GetParam(), gateway, "memory");
  EXPECT_EQ(client.hello(), "connected 2025-11-25 memory-server");
  work(client);
  EXPECT_EQ(running(kMemory).size(), 1U);
  const int took = client.close();
  EXPECT_GE(took, 0);
  EXPECT_LT(took, 2000) << "it had to insist";
  EXPECT_TRUE(eventually([] { return running(kMemory).empty(); })) << to_string(living_servers());
}

TEST_P(OfficialClient, works_on_a_shared_server_which_stays_after_close) {
  GatewayProcess gateway(config_of({memory("shared")}));
  SdkClient client(GetParam(), gateway, "memory"), other(GetParam(), gateway, "memory");
  work(client);
  const auto before = running(kMemory);
  ASSERT_EQ(before.size(), 1U);
  const int took = client.close();
  EXPECT_GE(took, 0);
  EXPECT_LT(took, 2000) << "it had to insist";
  EXPECT_NE(other.tell("call\tread_graph\t{}").find("kelp"), std::string::npos);
  EXPECT_LT(other.close(), 2000);
  EXPECT_EQ(running(kMemory), before);
  EXPECT_EQ(gateway.cli({"shutdown"}, kPatience).exit.code, 0);
  EXPECT_TRUE(leaders().empty());
}

TEST_P(OfficialClient, cancels_a_call_and_goes_on_with_the_same_server) {
  HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, "everything");
  const auto before = running(kEverything);
  ASSERT_EQ(before.size(), 1U) << client.hello();
  EXPECT_EQ(client.tell(std::string("cancel\t500\t") + kLong), "cancelled");
  EXPECT_EQ(client.tell("call\techo\t{\"message\":\"on\"}"), "result \"Echo: on\"");
  client.expect_no_strays();
  EXPECT_EQ(running(kEverything), before);
  EXPECT_LT(client.close(), 2000);
}

// The client's ladder is 2 s, SIGTERM, 2 s, SIGKILL: the bridge waits for last answers until asked to go.
TEST_P(OfficialClient, that_closes_in_the_middle_of_a_call_need_not_kill_the_bridge) {
  HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, "everything");
  EXPECT_EQ(client.tell(std::string("start\t") + kLong), "started");
  EXPECT_EQ(client.tell("ping"), "pong");
  const int took = client.close();
  EXPECT_GE(took, 0);
  EXPECT_LT(took, 3500) << "SIGTERM did not end it";
  EXPECT_TRUE(eventually([] { return running(kEverything).empty(); })) << to_string(living_servers());
}

TEST_P(OfficialClient, killed_in_the_middle_of_a_call_loses_its_server_and_disturbs_nobody) {
  HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  GatewayProcess gateway(config_of({entry("everything", kEverything), memory("shared")}));
  SdkClient victim(GetParam(), gateway, "everything");
  SdkClient sibling(GetParam(), gateway, "everything");
  Bridge bystander(gateway, "memory");
  ASSERT_EQ(running(kEverything).size(), 2U);
  EXPECT_EQ(victim.tell(std::string("start\t") + kLong), "started");
  EXPECT_EQ(victim.tell("ping"), "pong");  // so that the call is on its way
  bystander.start_call("1", "read_graph", "{}");
  victim.program().signal(SIGKILL);
  EXPECT_TRUE(eventually([] { return running(kEverything).size() == 1; })) << to_string(living_servers());
  EXPECT_EQ(sibling.tell("call\techo\t{\"message\":\"fine\"}"), "result \"Echo: fine\"");
  EXPECT_NE(bystander.answer().find("\"result\""), std::string::npos);
  EXPECT_NE(bystander.call("2", "read_graph", "{}").find("\"result\""), std::string::npos);
  EXPECT_EQ(running(kMemory).size(), 1U);
  EXPECT_LT(sibling.close(), 2000);
}

TEST_P(OfficialClient, gets_every_answer_of_more_calls_at_once_than_the_bridge_sends_at_once) {
  GatewayProcess gateway(config_of({memory("shared")}));
  SdkClient client(GetParam(), gateway, "memory");
  EXPECT_EQ(client.tell("parallel\t200\tread_graph\t{}"), "results 200");
  EXPECT_LT(client.close(), 2000);
}

TEST_P(OfficialClient, is_told_why_a_server_cannot_start) {
  GatewayProcess gateway(config_of({entry("absent", "no-such-server"),
                                    entry("dies", "sh", {"args: [-c, \"echo bad key >&2; exit 3\"]"})}));
  SdkClient absent(GetParam(), gateway, "absent");
  EXPECT_TRUE(absent.hello().starts_with("refused ")) << absent.hello();
  EXPECT_NE(absent.hello().find("no-such-server: not found in PATH"), std::string::npos) << absent.hello();
  SdkClient dies(GetParam(), gateway, "dies");
  EXPECT_NE(dies.hello().find("exit 3"), std::string::npos) << dies.hello();
  EXPECT_NE(dies.hello().find("bad key"), std::string::npos) << dies.hello();
  SdkClient unknown(GetParam(), gateway, "nobody");
  EXPECT_NE(unknown.hello().find("nobody"), std::string::npos) << unknown.hello();
  for (SdkClient* client : {&absent, &dies, &unknown}) EXPECT_TRUE(client->program().wait(kPatience));
}

TEST_P(OfficialClient, learns_at_once_that_the_gateway_was_killed_in_the_middle_of_its_call) {
  HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, "everything");
  ASSERT_EQ(running(kEverything).size(), 1U) << client.hello();
  EXPECT_EQ(client.tell(std::string("start\t") + kLong), "started");
  EXPECT_EQ(client.tell("ping"), "pong");
  client.program().write(std::string("call\t") + kLong + "\n");
  const auto in_flight = [&] {
    std::string said = gateway.cli({"ps", "--json"}).out;
    std::erase(said, ' ');
    return said.find(R"("calls_in_flight":2)") != std::string::npos;
  };
  ASSERT_TRUE(eventually(in_flight));  // one that comes later waits for the next gateway
  gateway.program().signal(SIGKILL);
  const auto answer = client.program().read_line(10s).value_or("it hangs");
  EXPECT_TRUE(answer.starts_with("error ")) << answer;
  EXPECT_TRUE(eventually([] { return running(kEverything).empty(); }, 10s)) << to_string(living_servers());
}

const auto kSdkName = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(sdk, OfficialClient, testing::ValuesIn(kSdks), kSdkName);

class Negotiation : public SdkTest, public testing::WithParamInterface<std::tuple<Sdk, const char*>> {};

TEST_P(Negotiation, client_and_server_of_different_revisions_work_together) {
  const auto& [sdk, revision] = GetParam();
  HOLDFAST_NEEDS_PROGRAM(missing(sdk.program));
  std::vector<std::string> servers;
  const std::vector<std::string> spoken{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
  servers.reserve(spoken.size());
  for (const auto& server : spoken)
    servers.push_back(
        entry("v" + server, HOLDFAST_FIXTURE_SERVER, {"args: [--version, \"" + server + "\"]"}));
  GatewayProcess gateway(config_of(servers));
  for (const auto& server : spoken) {
    SdkClient client(sdk, gateway, "v" + server, revision);
    EXPECT_EQ(client.hello(), std::string("connected ") + revision + " fixture") << "server of " << server;
    EXPECT_TRUE(client.tell("list").starts_with("tools echo ")) << server;
    EXPECT_EQ(client.tell("call\techo\t{\"text\":\"across\"}"), "result \"across\"") << server;
    EXPECT_LT(client.close(), 2000) << server;
  }
}

INSTANTIATE_TEST_SUITE_P(sdk, Negotiation,
                         testing::Combine(testing::ValuesIn(kSdks),
                                          testing::Values("2024-11-05", "2025-03-26", "2025-06-18",
                                                          "2025-11-25")),
                         [](const auto& info) {
                           std::string name =
                               std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_F(SdkTest, a_revision_that_nobody_knows_is_answered_with_our_newest) {
  HOLDFAST_NEEDS_PROGRAM(missing("node"));
  GatewayProcess gateway(config_of({entry("fixture", HOLDFAST_FIXTURE_SERVER)}));
  SdkClient client(kTypescript, gateway, "fixture", "2031-01-01");
  EXPECT_EQ(client.hello(), "connected 2025-11-25 fixture");
  EXPECT_LT(client.close(), 2000);
}

}  // namespace
}  // namespace holdfast::test
