// Every official client gets of every real server, through the gateway and over Streamable HTTP, the bytes
// that the server gives without one.
#include "answers.h"

#include <gmock/gmock.h>

namespace holdfast::test {
namespace {

#define HOLDFAST_NEEDS_SERVER(server)                \
  HOLDFAST_NEEDS_PROGRAM(missing((server).program)); \
  for (const auto& program : (server).programs) HOLDFAST_NEEDS_PROGRAM(missing_in_path(program))

class RealAnswers : public Interop, public testing::WithParamInterface<RealServer> {};

TEST_P(RealAnswers, have_at_every_client_the_bytes_that_the_server_gives_without_a_gateway) {
  HOLDFAST_NEEDS_SERVER(GetParam());
  for (const Sdk& sdk : kSdks) HOLDFAST_NEEDS_PROGRAM(missing(sdk.program));
  Home home(GetParam());
  const auto expected = direct_answers(home);
  if (GetParam().unserved != std::vector<std::string>{"*"}) {
    EXPECT_THAT(failing_tools(expected), testing::IsSubsetOf(GetParam().unserved));
  }
  GatewayProcess gateway(config_of({home.entry()}));
  for (const Sdk& sdk : kSdks) {
    home.furnish();
    SdkClient client(sdk, gateway, by_http(gateway, GetParam().name));
    ASSERT_TRUE(client.hello().starts_with("connected 2025-11-25 ")) << client.hello() << "\n"
                                                                     << gateway.log();
    for (const auto& difference : differences(answers_to(client, expected), expected))
      ADD_FAILURE() << sdk.name << ": " << difference;
    EXPECT_GE(client.close(), 0);
    EXPECT_TRUE(eventually([] { return leaders().empty(); })) << to_string(living_servers());
  }
}

INSTANTIATE_TEST_SUITE_P(npm_and_pypi, RealAnswers, testing::ValuesIn(real_servers()),
                         [](const auto& info) { return std::string(info.param.name); });

class Inequality : public Interop {};

// One space more, where JSON does not mind it.
TEST_F(Inequality, of_one_byte_between_the_server_and_its_gateway_is_seen_at_every_client) {
  const RealServer& memory = real_server("memory");
  HOLDFAST_NEEDS_SERVER(memory);
  const std::string original = R"("type":"text")";
  Home home(memory);
  const auto expected = direct_answers(home);
  GatewayProcess gateway(config_of({home.entry(R"(sed -u s/\"type\":\"text\"/\"type\":\ \"text\"/)")}));
  for (const Sdk& sdk : kSdks) {
    HOLDFAST_NEEDS_PROGRAM(missing(sdk.program));
    home.furnish();
    SdkClient client(sdk, gateway, by_http(gateway, memory.name));
    const auto found = differences(answers_to(client, expected), expected);
    std::size_t next = 0;
    for (const auto& [request, bytes] : expected) {
      if (bytes.find(original) == std::string::npos) continue;
      ASSERT_LT(next, found.size()) << sdk.name << ": " << request.params;
      EXPECT_TRUE(found[next].starts_with(request.method + " " + request.params + "\n")) << found[next];
      ++next;
    }
    EXPECT_GE(next, memory.requests.size() - 1);
    EXPECT_EQ(next, found.size());
    EXPECT_GE(client.close(), 0);
  }
}

TEST_F(Inequality, of_two_servers_is_seen_in_every_answer) {
  HOLDFAST_NEEDS_SERVER(real_server("memory"));
  HOLDFAST_NEEDS_SERVER(real_server("thinking"));
  Home memory(real_server("memory")), thinking(real_server("thinking"));
  const auto some = direct_answers(memory), others = direct_answers(thinking);
  EXPECT_EQ(differences(some, some), std::vector<std::string>{});
  EXPECT_EQ(differences(some, direct_answers(memory)), std::vector<std::string>{})
      << "it answers the same twice";
  EXPECT_EQ(differences(some, others).size() + 1, some.size()) << "neither has prompts, and both say so";
}

// The Inspector, by its command line: what it prints of a server behind a gateway, and of one that it starts.
class Inspector : public Interop {
 protected:
  Output inspect(std::vector<std::string> server, const std::vector<std::string>& asked) {
    std::vector<std::string> words{"HOME=" + folder_.path().string(), HOLDFAST_TOOLS_BIN "/mcp-inspector",
                                   "--cli"};
    words.insert(words.end(), server.begin(), server.end());
    words.insert(words.end(), asked.begin(), asked.end());
    words.insert(words.end(), {"--format", "json"});
    return run_program("/usr/bin/env", words, kPatience);
  }
  Folder folder_;
};

TEST_F(Inspector, prints_of_a_server_behind_the_gateway_what_it_prints_of_one_that_it_starts) {
  const RealServer& everything = real_server("everything");
  HOLDFAST_NEEDS_SERVER(everything);
  HOLDFAST_NEEDS_PROGRAM(missing("mcp-inspector"));
  GatewayProcess gateway(config_of({entry(everything.name, everything.program)}));
  const std::vector<std::string> direct{std::string(HOLDFAST_TOOLS_BIN "/") + everything.program},
      through{by_http(gateway, everything.name).front(), "--transport", "http"};
  const std::vector<std::vector<std::string>> asked{
      {"--method", "initialize"},
      {"--method", "tools/list"},
      {"--method", "tools/call", "--tool-name", "echo", "--tool-arg", "message=hold \u2603"}};
  for (const auto& words : asked) {
    const Output without = inspect(direct, words), with = inspect(through, words);
    EXPECT_TRUE(without.out.starts_with("{\"result\":{")) << without.out << without.err;
    EXPECT_EQ(with.out, without.out) << with.err;
    EXPECT_EQ(with.exit.code, 0) << with.err;
  }
}

}  // namespace
}  // namespace holdfast::test
