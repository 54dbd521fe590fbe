// npm's and PyPI's servers through the gateway, as they are.
#include <signal.h>

#include <fstream>

#include "interop.h"

namespace holdfast::test {
namespace {

struct Real {
  const char* name;     // as configured
  const char* program;  // of .tools/bin
  std::vector<std::string> settings;
  const char* tool;
  std::vector<std::string> pairs;  // its arguments for `holdfast call`
  const char* arguments;           // the same as JSON
  const char* expected;            // in the answer
};

void PrintTo(const Real& real, std::ostream* out) { *out << real.program; }

const Real kMemory{"memory", "mcp-server-memory", {}, "read_graph", {}, "{}", "entities"};
const Real kFilesystem{"files",
                       "mcp-server-filesystem",
                       {"args: [.]"},
                       "read_text_file",
                       {"path=hello.txt"},
                       R"({"path":"hello.txt"})",
                       "hello from the file"};
const Real kEverything{"everything",    "mcp-server-everything", {},  "get-sum",
                       {"a=40", "b=2"}, R"({"a":40,"b":2})",     "42"};
const Real kTime{"clock",
                 "mcp-server-time",
                 {"args: [--local-timezone, Etc/UTC]"},
                 "get_current_time",
                 {"timezone=Europe/Berlin"},
                 R"({"timezone":"Europe/Berlin"})",
                 "Europe/Berlin"};

std::string entry_of(const Real& real, const Folder& folder, std::vector<std::string> more = {}) {
  std::ofstream(folder.path() / "hello.txt") << "hello from the file\n";
  auto settings = real.settings;
  settings.push_back("cwd: " + folder.path().string());
  settings.push_back("env: { MEMORY_FILE_PATH: \"" + (folder.path() / "memory.json").string() + "\" }");
  settings.insert(settings.end(), more.begin(), more.end());
  return entry(real.name, real.program, settings);
}

class RealServers : public Interop, public testing::WithParamInterface<std::tuple<Real, const char*>> {};

TEST_P(RealServers, are_listed_called_and_bridged_and_shutdown_leaves_nothing) {
  const auto& [real, sharing] = GetParam();
  HOLDFAST_NEEDS_PROGRAM(missing(real.program));
  const Folder folder;
  GatewayProcess gateway(config_of({entry_of(real, folder, {std::string("sharing: ") + sharing})}));
  const std::string tool = std::string(real.name) + "__" + real.tool;

  const auto tools = gateway.cli({"tools", real.name}, kPatience);
  EXPECT_EQ(tools.exit.code, 0) << tools.err;
  EXPECT_NE(tools.out.find(tool), std::string::npos) << tools.out;

  std::vector<std::string> call{"call", tool};
  call.insert(call.end(), real.pairs.begin(), real.pairs.end());
  const auto called = gateway.cli(call, kPatience);
  EXPECT_EQ(called.exit.code, 0) << called.err;
  EXPECT_NE(called.out.find(real.expected), std::string::npos) << called.out;

  Bridge one(gateway, real.name), two(gateway, real.name);
  for (Bridge* bridge : {&one, &two}) {
    EXPECT_NE(bridge->hello().find("\"serverInfo\""), std::string::npos) << bridge->hello();
    const auto answer = bridge->call("7", real.tool, real.arguments);
    EXPECT_NE(answer.find("\"id\":7"), std::string::npos) << answer;
    EXPECT_NE(answer.find(real.expected), std::string::npos) << answer;
  }
  const std::size_t copies = std::string_view(sharing) == "shared" ? 1 : 2;
  EXPECT_TRUE(eventually([&] { return running(real.program).size() == copies; }))
      << to_string(living_servers());

  one.program().close_stdin();
  ASSERT_TRUE(one.program().wait(kPatience));
  EXPECT_TRUE(eventually([&] { return running(real.program).size() == 1; })) << to_string(living_servers());
  EXPECT_NE(two.call("8", real.tool, real.arguments).find(real.expected), std::string::npos);

  EXPECT_EQ(gateway.cli({"shutdown"}, kPatience).exit.code, 0);
  const auto exit = gateway.program().wait(kPatience);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
  EXPECT_TRUE(running(real.program).empty()) << to_string(living_servers());
  EXPECT_TRUE(leaders().empty());
}

INSTANTIATE_TEST_SUITE_P(npm_and_pypi, RealServers,
                         testing::Combine(testing::Values(kMemory, kFilesystem, kEverything, kTime),
                                          testing::Values("session", "shared")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param);
                         });

class RealServer : public Interop {};

constexpr const char* kLong = R"({"duration":30,"steps":30})";

TEST_F(RealServer, keeps_serving_when_a_client_cancels_its_long_call) {
  HOLDFAST_NEEDS_PROGRAM(missing(kEverything.program));
  const Folder folder;
  GatewayProcess gateway(config_of({entry_of(kEverything, folder, {"sharing: shared"})}));
  Bridge canceller(gateway, "everything"), sibling(gateway, "everything");
  const auto before = running(kEverything.program);
  ASSERT_EQ(before.size(), 1U);

  canceller.start_call("1", "trigger-long-running-operation", kLong);
  sibling.start_call("2", "trigger-long-running-operation", R"({"duration":2,"steps":2})");
  const auto in_flight = [&] {
    return gateway.cli({"ps", "--json"}, kPatience).out.find("\"calls_in_flight\":2") != std::string::npos ||
           gateway.cli({"ps", "--json"}, kPatience).out.find("\"calls_in_flight\": 2") != std::string::npos;
  };
  EXPECT_TRUE(eventually(in_flight, 1900ms)) << gateway.cli({"ps", "--json"}).out;
  canceller.send(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"enough"}})");

  const auto answer = canceller.call("3", "echo", R"({"message":"still here"})");
  EXPECT_NE(answer.find("\"id\":3"), std::string::npos) << "a cancelled request wants no answer: " << answer;
  EXPECT_NE(answer.find("still here"), std::string::npos) << answer;
  const auto undisturbed = sibling.answer();
  EXPECT_NE(undisturbed.find("Long running operation completed"), std::string::npos) << undisturbed;
  EXPECT_EQ(running(kEverything.program), before) << "the same process serves on";
}

TEST_F(RealServer, megabytes_pass_both_ways_and_the_file_on_disk_says_so) {
  HOLDFAST_NEEDS_PROGRAM(missing(kFilesystem.program));
  const Folder folder;
  GatewayProcess gateway(config_of({entry_of(kFilesystem, folder)}));
  Bridge client(gateway, "files");
  constexpr std::size_t kSize = 8U << 20;
  const std::string content(kSize, 'k');
  const auto written = client.call("1", "write_file", R"({"path":"big.txt","content":")" + content + R"("})");
  EXPECT_NE(written.find("Successfully"), std::string::npos) << written.substr(0, 400);
  EXPECT_EQ(std::filesystem::file_size(folder.path() / "big.txt"), kSize);
  const auto read = client.call("2", "read_text_file", R"({"path":"big.txt"})");
  EXPECT_NE(read.find(content), std::string::npos) << read.size() << " " << read.substr(0, 400);
}

// Servers that ask for roots wait up to 60 s for the answer and do not mind the end of their input meanwhile.
class QuickExit : public Interop, public testing::WithParamInterface<Real> {};

TEST_P(QuickExit, ends_at_the_end_of_its_input_because_nothing_of_its_is_left_unanswered) {
  HOLDFAST_NEEDS_PROGRAM(missing(GetParam().program));
  const Folder folder;
  constexpr auto kEof = 20s;
  GatewayProcess gateway(
      config_of({entry_of(GetParam(), folder, {"stop: { eof: 20s, term: 20s, lost: 1s }"})}));
  Bridge client(gateway, GetParam().name, R"({"roots":{"listChanged":true},"sampling":{},"elicitation":{}})");
  client.start_call("1", GetParam().tool, GetParam().arguments);
  // Its question comes at its own time; one that came behind the end of its input nobody could answer.
  const bool asks = GetParam().program == kFilesystem.program || GetParam().program == kEverything.program;
  std::string heard;
  const auto heard_all = [&] {
    return heard.find(GetParam().expected) != std::string::npos &&
           (!asks || heard.find("\"roots/list\"") != std::string::npos);
  };
  for (std::string line = client.next(); !line.empty(); line = client.next()) {
    heard += line;
    if (heard_all()) break;
  }
  ASSERT_TRUE(heard_all()) << heard;
  ASSERT_EQ(running(GetParam().program).size(), 1U);

  const auto begin = std::chrono::steady_clock::now();
  client.program().close_stdin();
  EXPECT_TRUE(eventually([&] { return leaders().empty(); })) << to_string(living_servers());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kEof);
  EXPECT_TRUE(eventually([&] { return gateway.log().find("tree.gone") != std::string::npos; }));
  EXPECT_NE(gateway.log().find("terminated=0 killed=0"), std::string::npos) << gateway.log();
}

INSTANTIATE_TEST_SUITE_P(npm_and_pypi, QuickExit, testing::Values(kMemory, kFilesystem, kEverything, kTime),
                         [](const auto& info) { return std::string(info.param.name); });

// Whatever comes first, the end of its channel, its exit or its last words; and every such start counts as
// failed.
TEST_F(RealServer, that_ends_before_it_answers_is_told_with_its_exit_and_its_last_words) {
  const std::string restart = "restart: { budget: 100, per: 10m, backoff: 1ms..2ms }";
  GatewayProcess gateway(
      config_of({entry("at_once", "sh", {"args: [-c, \"echo bad key >&2; exit 3\"]", restart}),
                 entry("soon", "sh", {"args: [-c, \"sleep 0.05; echo bad key >&2; exit 3\"]", restart}),
                 entry("helped", "sh",
                       {"args: [-c, \"(exec >&- 2>&-; sleep 60) & echo bad key >&2; exit 3\"]", restart})}));
  for (const char* server : {"at_once", "soon", "helped"}) {
    for (int round = 0; round < 8; ++round) {
      const auto tools = gateway.cli({"tools", server}, kPatience);
      EXPECT_EQ(tools.exit.code, 1) << tools.out;
      EXPECT_NE(tools.err.find("exit 3"), std::string::npos) << tools.err;
      EXPECT_NE(tools.err.find("bad key"), std::string::npos) << tools.err;
    }
  }
  const std::string log = gateway.log();
  std::size_t failures = 0;
  for (auto at = log.find("instance.failed"); at != std::string::npos;
       at = log.find("instance.failed", at + 1))
    ++failures;
  EXPECT_EQ(failures, 24U);
}

TEST_F(RealServer, fixture_that_asks_for_roots_is_answered_and_ends_at_the_end_of_its_input) {
  GatewayProcess gateway(
      config_of({entry("asker", HOLDFAST_FIXTURE_SERVER,
                       {"args: [--ask-roots]", "stop: { eof: 20s, term: 20s, lost: 1s }"})}));
  Bridge client(gateway, "asker");
  EXPECT_NE(client.call("1", "echo", R"({"text":"hi"})").find("hi"), std::string::npos);
  client.program().close_stdin();
  EXPECT_TRUE(eventually([&] { return leaders().empty(); }, 19s)) << to_string(living_servers());
}

}  // namespace
}  // namespace holdfast::test
