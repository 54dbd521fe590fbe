// Servers that run elsewhere: a gateway whose server is another gateway's, by Streamable HTTP or by HTTP+SSE.
#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "programs_test.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using json = nlohmann::json;

std::string config_with(const std::string& entry, const std::string& listen = "127.0.0.1:0") {
  return "listen: [\"" + listen + "\"]\ndrain: 2s\nmcpServers:\n  s:\n" + entry;
}
const std::string kFixture = std::string("    command: ") + HOLDFAST_FIXTURE_SERVER + "\n";

json facts(GatewayProcess& gateway, const std::string& verb) {
  return json::parse(gateway.cli({verb, "--json"}).out, nullptr, false);
}
std::string address_of(GatewayProcess& gateway) { return facts(gateway, "status")["gateway"]["listen"][0]; }
std::string url_of(GatewayProcess& gateway, const std::string& path = "/mcp/s") {
  return "    url: http://" + address_of(gateway) + path + "\n";
}

class Elsewhere : public ProgramsTest {};

TEST_F(Elsewhere, a_session_here_is_a_session_there_and_ends_with_it) {
  GatewayProcess far(config_with(kFixture));
  GatewayProcess near(config_with(url_of(far)));
  auto client = connect(near, "s");
  EXPECT_THAT(call(*client, "echo", R"({"text":"hi"})"), HasSubstr("hi"));
  EXPECT_EQ(servers(), 1);
  const auto row = facts(near, "ps")["instances"][0];
  EXPECT_EQ(row["state"], "active");
  EXPECT_TRUE(row["processes"].empty());
  EXPECT_EQ(row["leases"].size(), 1U);
  EXPECT_EQ(facts(far, "ps")["instances"].size(), 1U);
  client->close_stdin();
  EXPECT_TRUE(client->wait(5s));
  EXPECT_TRUE(servers_become(0, 5s)) << to_string(living_servers());
  EXPECT_TRUE(until([&] { return facts(near, "ps")["instances"].empty(); }, 5s));
}

TEST_F(Elsewhere, who_is_killed_here_leaves_nobody_there) {
  GatewayProcess far(config_with(kFixture) + "sessions: { reconnectGrace: 500ms }\n");
  GatewayProcess near(config_with(url_of(far)));
  auto client = connect(near, "s");
  ASSERT_THAT(call(*client, "echo", R"({"text":"hi"})"), HasSubstr("hi"));  // its stream is open by now
  ASSERT_EQ(servers(), 1);
  near.program().signal(SIGKILL);
  EXPECT_TRUE(servers_become(0, 10s)) << "its stream broke, and nobody came back for it";
}

TEST_F(Elsewhere, a_restart_there_fails_what_is_in_flight_and_the_next_call_is_served) {
  GatewayProcess far(config_with(kFixture));
  const std::string address = address_of(far);
  GatewayProcess near(config_with(url_of(far)));
  auto client = connect(near, "s");
  client->write(
      R"({"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}})"
      "\n");
  ASSERT_TRUE(until([&] { return facts(far, "ps")["instances"][0]["calls_in_flight"] == 1; }, 5s));
  far.program().signal(SIGKILL);
  const auto lost = client->read_line(10s);
  ASSERT_TRUE(lost);
  EXPECT_THAT(*lost, HasSubstr(R"("id":"slow","error")"));
  ASSERT_TRUE(far.program().wait(5s));
  far.configure(config_with(kFixture, address));
  far.start();
  EXPECT_THAT(call(*client, "echo", R"({"text":"again"})"), HasSubstr("again"));
}

TEST_F(Elsewhere, nobody_there_is_said_with_the_address) {
  GatewayProcess near(config_with("    url: http://127.0.0.1:1/mcp\n"));
  const auto out = near.cli({"call", "s__echo", "text=hi"});
  EXPECT_NE(out.exit.code, 0);
  EXPECT_THAT(out.err, HasSubstr("127.0.0.1:1")) << out.err;
  EXPECT_THAT(out.err, HasSubstr("refused")) << out.err;
  EXPECT_EQ(facts(near, "servers")["servers"][0]["failures"], 1);
}

TEST_F(Elsewhere, what_is_there_and_is_no_mcp_endpoint_is_said_in_its_words) {
  GatewayProcess far(config_with(kFixture));
  GatewayProcess near(config_with(url_of(far, "/mcp/nobody")));
  const auto out = near.cli({"call", "s__echo", "text=hi"});
  EXPECT_NE(out.exit.code, 0);
  EXPECT_THAT(out.err, HasSubstr("404")) << out.err;
}

TEST_F(Elsewhere, headers_of_the_entry_go_along) {
  GatewayProcess far(config_with(kFixture));
  // Its guard lets no request through that says it comes from elsewhere.
  GatewayProcess near(config_with(url_of(far) + "    headers: { Origin: \"http://elsewhere.example\" }\n"));
  const auto out = near.cli({"call", "s__echo", "text=hi"});
  EXPECT_NE(out.exit.code, 0);
  EXPECT_THAT(out.err, HasSubstr("403")) << out.err;
}

TEST_F(Elsewhere, what_only_speaks_sse_is_found_out_and_its_tools_are_listed_and_called) {
  GatewayProcess far(config_with(kFixture));
  GatewayProcess near(config_with(url_of(far, "/sse/s")));
  EXPECT_THAT(near.cli({"tools", "s"}).out, HasSubstr("echo"));
  auto client = connect(near, "s");
  EXPECT_THAT(call(*client, "echo", R"({"text":"hi"})"), HasSubstr("hi"));
  EXPECT_THAT(call(*client, "big", R"({"bytes":3000000})"), HasSubstr(std::string(3'000'000, 'x')));
  EXPECT_THAT(call(*client, "client"), HasSubstr("2024-11-05"));
  client->close_stdin();
  EXPECT_TRUE(client->wait(5s));
  EXPECT_TRUE(servers_become(0, 5s)) << to_string(living_servers());
  EXPECT_TRUE(until([&] { return facts(near, "ps")["instances"].empty(); }, 5s));
  EXPECT_TRUE(until([&] { return facts(far, "status")["sessions"] == 0; }, 5s));
}

TEST_F(Elsewhere, what_it_says_by_sse_reaches_its_client) {
  GatewayProcess far(config_with(kFixture + "    args: [--list-changed]\n"));
  GatewayProcess near(config_with(url_of(far, "/sse/s") + "    transport: sse\n"));
  auto client = connect(near, "s");
  EXPECT_THAT(call(*client, "grow"), HasSubstr("grown_"));
  EXPECT_EQ(client->read_line(5s).value_or(""),
            R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  client->write(
      R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"sleep","arguments":{"ms":250},"_meta":{"progressToken":"p"}}})"
      "\n");
  EXPECT_THAT(client->read_line(5s).value_or(""), HasSubstr(R"("progressToken":"p")"));
}

TEST_F(Elsewhere, all_servers_of_another_gateway_are_one_by_sse) {
  GatewayProcess far(config_with(kFixture));
  GatewayProcess near(config_with(url_of(far, "/sse") + "    type: sse\n"));
  auto client = connect(near, "s");
  EXPECT_THAT(call(*client, "s__echo", R"({"text":"hi"})"), HasSubstr("hi"));
}

TEST_F(Elsewhere, who_is_killed_here_leaves_nobody_there_by_sse_at_once) {
  GatewayProcess far(config_with(kFixture));  // with a grace of half a minute, where one can come back
  GatewayProcess near(config_with(url_of(far, "/sse/s")));
  auto client = connect(near, "s");
  ASSERT_THAT(call(*client, "echo", R"({"text":"hi"})"), HasSubstr("hi"));
  ASSERT_EQ(servers(), 1);
  near.program().signal(SIGKILL);
  EXPECT_TRUE(servers_become(0, 5s));
}

TEST_F(Elsewhere, who_is_killed_in_the_handshake_by_sse_leaves_nobody_there) {
  GatewayProcess far(config_with(kFixture + "    args: [--delay-init, \"30000\"]\n"));
  GatewayProcess near(config_with(url_of(far, "/sse/s")));
  auto client = begin_connect(near, "s");
  ASSERT_TRUE(servers_become(1, 10s));
  near.program().signal(SIGKILL);
  EXPECT_TRUE(servers_become(0, 5s));
}

TEST_F(Elsewhere, a_restart_there_by_sse_fails_what_is_in_flight_and_the_next_call_is_served) {
  GatewayProcess far(config_with(kFixture));
  const std::string address = address_of(far);
  GatewayProcess near(config_with(url_of(far, "/sse/s")));
  auto client = connect(near, "s");
  client->write(
      R"({"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}})"
      "\n");
  ASSERT_TRUE(until([&] { return facts(far, "ps")["instances"][0]["calls_in_flight"] == 1; }, 5s));
  far.program().signal(SIGKILL);
  const auto lost = client->read_line(10s);
  ASSERT_TRUE(lost);
  EXPECT_THAT(*lost, HasSubstr(R"("id":"slow","error")"));
  ASSERT_TRUE(far.program().wait(5s));
  far.configure(config_with(kFixture, address));
  far.start();
  EXPECT_THAT(call(*client, "echo", R"({"text":"again"})"), HasSubstr("again"));
}

}  // namespace
}  // namespace holdfast::test
