#include "daemon/run_access.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/ids.h"
#include "base/test_support.h"

namespace holdfast::daemon {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Key;

Address port(std::string host, std::uint16_t number, bool tls = false) {
  return {.tls = tls, .path = {}, .host = std::move(host), .port = number};
}

TEST(UrlOf, names_a_port_that_can_be_reached_from_here) {
  EXPECT_EQ(url_of({}), "");
  EXPECT_EQ(url_of({unix_address("/run/x")}), "");
  EXPECT_EQ(url_of({unix_address("/run/x"), port("127.0.0.1", 4653)}), "http://127.0.0.1:4653/mcp");
  EXPECT_EQ(url_of({port("0.0.0.0", 1, true), port("::", 2)}), "http://[::1]:2/mcp");
  EXPECT_EQ(url_of({port("0.0.0.0", 1, true)}), "https://127.0.0.1:1/mcp");
}

struct RunAccessTest : testing::Test {
  fs::path dir = fs::temp_directory_path() / ("hf" + random_hex(6));
  asio::io_context loop{1};
  std::shared_ptr<Worker> disk = std::make_shared<Worker>(16);
  gateway::Tokens tokens{dir / "tokens.json", {}, disk};
  RunAccess access{loop.get_executor(), tokens, dir / "runs", disk};
  config::Job job;

  RunAccessTest() {
    fs::create_directory(dir);
    job.name = "agent";
  }
  ~RunAccessTest() override {
    disk.reset();
    std::error_code ignored;
    fs::remove_all(dir, ignored);
  }
  std::unique_ptr<schedule::Access> given() {
    auto result = test::wait_for(loop, access.give(job, "ab12"));
    EXPECT_TRUE(result) << result.error().message();
    return result ? *std::move(result) : nullptr;
  }
  bool is_known(const std::string& token) {
    return tokens.authenticate(token, std::chrono::system_clock::now()).has_value();
  }
};

TEST_F(RunAccessTest, a_run_has_a_token_and_a_file_that_end_with_it) {
  access.listens_on({port("127.0.0.1", 4653)});
  job.tools = {"memory__*"};
  auto lent = given();
  ASSERT_TRUE(lent);
  auto& variables = lent->environment;
  const std::string token = variables["HOLDFAST_TOKEN"];
  const fs::path file = variables["HOLDFAST_MCP_CONFIG"];
  EXPECT_EQ(variables["HOLDFAST_URL"], "http://127.0.0.1:4653/mcp");
  const auto who = tokens.authenticate(token, std::chrono::system_clock::now());
  ASSERT_TRUE(who);
  EXPECT_EQ((*who)->name, "run-ab12");
  EXPECT_THAT((*who)->rights.tools, ElementsAre("memory__*"));
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto entry = nlohmann::json::parse(std::ifstream(file))["mcpServers"]["holdfast"];
  EXPECT_EQ(entry["url"], "http://127.0.0.1:4653/mcp");
  EXPECT_EQ(entry["headers"]["Authorization"], "Bearer " + token);
  EXPECT_TRUE(tokens.list().empty()) << "it is nobody's to list or to revoke";
  gateway::PrincipalPtr ended;
  tokens.on_revoked([&](const auto& whose) { ended = whose; });
  lent.reset();
  EXPECT_EQ(ended, *who) << "its sessions end";
  EXPECT_FALSE(is_known(token));
  (void)test::wait_for(loop, disk->run([] { return 0; }));
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(RunAccessTest, without_a_port_or_a_disk_there_is_still_a_token) {
  access.listens_on({});
  EXPECT_THAT(given()->environment, ElementsAre(Key("HOLDFAST_TOKEN")));
  access.listens_on({port("127.0.0.1", 1)});
  std::ofstream(dir / "runs") << "no folder";
  EXPECT_THAT(given()->environment, ElementsAre(Key("HOLDFAST_TOKEN"), Key("HOLDFAST_URL")));
}

TEST_F(RunAccessTest, tools_that_no_token_can_have_fail_the_run) {
  access.listens_on({});
  job.tools = {"memory"};
  const auto result = test::wait_for(loop, access.give(job, "ab12"));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::invalid));
}

}  // namespace
}  // namespace holdfast::daemon
