// Tokens of the real programs: a gateway whose server is another gateway's, which asks who comes.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using json = nlohmann::json;

const std::string kGuarded =
    std::string("listen: [\"127.0.0.1:0\"]\ndrain: 2s\nauth: { anonymous: never }\n") +
    "mcpServers:\n  s:\n    command: " + HOLDFAST_FIXTURE_SERVER + "\n";

// The gateway that asks who comes.
struct Far : GatewayProcess {
  Far() : GatewayProcess(kGuarded) {}
  std::string url() {
    const auto status = json::parse(cli({"status", "--json"}).out);
    return "http://" + status["gateway"]["listen"][0].get<std::string>() + "/mcp/s";
  }
  std::string made(std::vector<std::string> more) {
    more.insert(more.begin(), {"token", "add"});
    std::string token = cli(more).out;
    if (!token.empty()) token.pop_back();
    return token;
  }
  std::string entry_with(const std::string& token) {
    return "listen: []\ndrain: 2s\nmcpServers:\n  s:\n    url: " + url() +
           (token.empty() ? "" : "\n    headers: { Authorization: \"Bearer " + token + "\" }") + "\n";
  }
};

struct TokensOfPrograms : ProgramsTest {};

TEST_F(TokensOfPrograms, admit_to_what_they_are_for_and_to_nothing_else) {
  Far far;
  GatewayProcess nobody(far.entry_with(""));
  EXPECT_THAT(nobody.cli({"call", "s__echo", "text=hi"}).err, HasSubstr("401"));
  const std::string token = far.made({"ci", "--tools", "s__echo"});
  GatewayProcess near(far.entry_with(token));
  EXPECT_EQ(near.cli({"call", "s__echo", "text=hi"}).out, "hi\n");
  EXPECT_THAT(near.cli({"call", "s__sleep", "ms=1"}).err, HasSubstr("Unknown tool: sleep"));
  const auto tools = near.cli({"tools", "s", "--json"}).out;
  EXPECT_EQ(json::parse(tools)["tools"].size(), 1U) << tools;
  EXPECT_THAT(far.log(), Not(HasSubstr(token.substr(12)))) << "a log is no place for it";
}

TEST_F(TokensOfPrograms, that_are_revoked_end_what_is_in_flight) {
  Far far;
  const std::string token = far.made({"ci"});
  GatewayProcess near(far.entry_with(token));
  auto client = connect(near, "s");
  client->write(
      R"({"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}})"
      "\n");
  ASSERT_TRUE(until(
      [&] {
        const auto ps = json::parse(far.cli({"ps", "--json"}).out);
        return !ps["instances"].empty() && ps["instances"][0]["calls_in_flight"] == 1;
      },
      10s));
  EXPECT_EQ(far.cli({"token", "revoke", "ci"}).out, "revoked ci\n");
  const auto lost = client->read_line(10s);
  ASSERT_TRUE(lost);
  EXPECT_THAT(*lost, HasSubstr(R"("error")"));
  EXPECT_TRUE(servers_become(0, 10s)) << "nobody holds its server any more";
  EXPECT_THAT(call(*client, "echo", R"({"text":"again"})"), HasSubstr("401"));
}

TEST_F(TokensOfPrograms, outlive_the_gateway) {
  Far far;
  const std::string token = far.made({"ci"});
  far.program().signal(SIGKILL);
  ASSERT_TRUE(far.program().wait(5s));
  EXPECT_THAT(far.cli({"token", "list"}).out, HasSubstr("ci "));
  EXPECT_EQ(far.cli({"token", "add", "second", "--json"}).exit.code, 0);
  far.start();
  EXPECT_EQ(json::parse(far.cli({"token", "list", "--json"}).out)["tokens"].size(), 2U);
  GatewayProcess near(far.entry_with(token));
  EXPECT_EQ(near.cli({"call", "s__echo", "text=hi"}).out, "hi\n");
}

// The token of a command's run: good for the job's `tools`, and as long as the run.
TEST_F(TokensOfPrograms, of_a_run_die_with_it) {
  const std::filesystem::path told = std::filesystem::temp_directory_path() / ("hf" + random_hex(6));
  GatewayProcess far(kGuarded +
                     "jobs:\n  agent:\n    schedule: \"0 0 1 1 *\"\n    tools: [s__echo]\n    command: [sh, "
                     "-c, 'cp \"$HOLDFAST_MCP_CONFIG\" " +
                     told.string() + ".new; mv " + told.string() + ".new " + told.string() +
                     "; exec sleep 1000']\n");
  ASSERT_EQ(far.cli({"job", "run", "agent", "--no-wait"}).exit.code, 0);
  ASSERT_TRUE(until([&] { return std::filesystem::exists(told); }, 10s)) << far.log();
  const auto entry = json::parse(std::ifstream(told))["mcpServers"]["holdfast"];
  std::filesystem::remove(told);
  GatewayProcess near("listen: []\ndrain: 2s\nmcpServers:\n  all: { url: \"" +
                      entry["url"].get<std::string>() + "\", headers: { Authorization: \"" +
                      entry["headers"]["Authorization"].get<std::string>() + "\" } }\n");
  EXPECT_EQ(near.cli({"call", "all__s__echo", "text=hi"}).out, "hi\n") << near.log();
  EXPECT_THAT(near.cli({"call", "all__s__sleep", "ms=1"}).err, HasSubstr("s__sleep"));
  EXPECT_EQ(far.cli({"job", "cancel", "agent"}).exit.code, 0);
  ASSERT_TRUE(until([&] { return near.cli({"call", "all__s__echo", "text=hi"}).exit.code != 0; }, 10s));
  EXPECT_THAT(near.cli({"call", "all__s__echo", "text=hi"}).err, HasSubstr("401"));
  EXPECT_TRUE(servers_become(0, 10s)) << to_string(living_servers());
}

// What starts here must not, or only on an address of the loopback.
struct Start : testing::Test {
  std::filesystem::path dir = std::filesystem::temp_directory_path() / ("hf" + random_hex(6));
  Start() {
    std::filesystem::create_directory(dir);
    std::ofstream(dir / "c.yaml") << "listen: \"0.0.0.0:0\"\n";
  }
  ~Start() override { std::filesystem::remove_all(dir); }
  Output run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", dir / "c.yaml", "--state-dir", dir / "state"});
    return run_program(HOLDFAST_PROGRAM, std::move(arguments), 20s);
  }
};

TEST_F(Start, is_refused_where_others_could_come_in_and_there_is_no_token) {
  const auto out = run({"serve"});
  EXPECT_EQ(out.exit.code, 78);
  EXPECT_THAT(out.err, HasSubstr("0.0.0.0:0"));
  EXPECT_THAT(out.err, HasSubstr("`holdfast token add NAME` first"));
  const auto added = run({"token", "add", "first"});
  EXPECT_EQ(added.exit.code, 0) << added.err;
  EXPECT_THAT(added.out, ::testing::StartsWith("hf_"));
}

TEST_F(Start, is_refused_where_the_list_of_tokens_is_damaged) {
  std::filesystem::create_directory(dir / "state");
  std::ofstream(dir / "state/tokens.json") << "{\"holdfast\":\"tokens 1\",";
  const auto out = run({"serve", "--listen", "127.0.0.1:0"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("tokens.json"));
  EXPECT_THAT(out.err, HasSubstr("make new tokens"));
}

}  // namespace
}  // namespace holdfast::test
