// The official clients over Streamable HTTP, with npm's reference server behind the gateway. That its answers
// are its own: answers_test.cc.
#include "sdk.h"

namespace holdfast::test {
namespace {

constexpr const char* kEverything = "mcp-server-everything";

class HttpClient : public Interop {
 protected:
  void prepare(const Sdk& sdk) {
    HOLDFAST_NEEDS_PROGRAM(missing(sdk.program));
    HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  }
};

class OfficialHttpClient : public HttpClient, public testing::WithParamInterface<Sdk> {
 protected:
  void SetUp() override {
    Interop::SetUp();
    prepare(GetParam());
  }
};

// The server registers what depends on the client after its handshake, and says so by list_changed.
bool comes_to_list(SdkClient& client, const std::string& tool) {
  return eventually([&] { return client.tell("list").find(" " + tool) != std::string::npos; });
}

TEST_P(OfficialHttpClient, works_on_a_server_of_its_own_which_is_gone_after_its_good_bye) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_http(gateway, "everything"));
  EXPECT_EQ(client.hello(), "connected 2025-11-25 mcp-servers/everything");
  EXPECT_NE(client.tell("list").find(" get-sum"), std::string::npos);
  EXPECT_EQ(client.tell("ping"), "pong");
  EXPECT_EQ(client.tell("parallel\t50\techo\t{\"message\":\"all\"}"), "results 50");
  EXPECT_EQ(client.tell("cancel\t500\ttrigger-long-running-operation\t{\"duration\":50,\"steps\":50}"),
            "cancelled");
  EXPECT_EQ(client.tell("call\techo\t{\"message\":\"on\"}"), "result \"Echo: on\"");
  client.expect_no_strays();
  EXPECT_EQ(running(kEverything).size(), 1U);
  EXPECT_GE(client.close(), 0);
  EXPECT_TRUE(eventually([] { return running(kEverything).empty(); })) << to_string(living_servers());
}

TEST_P(OfficialHttpClient, is_asked_by_its_server_for_its_roots_its_model_and_its_user) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_http(gateway, "everything"));
  for (const std::string tool : {"get-roots-list", "trigger-sampling-request", "trigger-elicitation-request"})
    ASSERT_TRUE(comes_to_list(client, tool)) << tool << "\n" << gateway.log();
  const auto roots = client.tell("call\tget-roots-list\t{}");
  EXPECT_NE(roots.find("file:///kelp"), std::string::npos) << roots;
  const auto sampled = client.tell("call\ttrigger-sampling-request\t{\"prompt\":\"what does it do?\"}");
  EXPECT_NE(sampled.find("it grips the rock"), std::string::npos) << sampled;
  const auto elicited = client.tell("call\ttrigger-elicitation-request\t{}");
  EXPECT_NE(elicited.find("Name: Laminaria"), std::string::npos) << elicited;
  client.expect_no_strays();
  EXPECT_GE(client.close(), 0);
}

INSTANTIATE_TEST_SUITE_P(sdk, OfficialHttpClient, testing::ValuesIn(kSdks),
                         [](const auto& info) { return std::string(info.param.name); });

// Where it may choose, the client asks for the stateless revision first: the gateway says that it has none.
TEST_F(HttpClient, that_may_choose_its_revision_takes_the_newest_of_the_gateway) {
  prepare(kTypescript2);
  if (IsSkipped()) return;
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(kTypescript2, gateway, by_http(gateway, "everything"), "auto");
  EXPECT_EQ(client.hello(), "connected 2025-11-25 mcp-servers/everything");
  EXPECT_EQ(client.tell("call\techo\t{\"message\":\"on\"}"), "result \"Echo: on\"");
  EXPECT_NE(client.tell("call\tget-env\t{}").find("PATH"), std::string::npos);
  client.expect_no_strays();
  EXPECT_GE(client.close(), 0);
}

}  // namespace
}  // namespace holdfast::test
