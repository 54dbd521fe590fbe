#include "front/mcp_endpoint.h"

#include "front/mcp_testing.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;
TEST_F(McpEndpointTest, initialize_answers_our_revision_and_the_servers_facts_as_far_as_they_can_be_kept) {
  const auto got = post(kInitialize);
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(
      got.body,
      R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"logging":{},"tools":{"listChanged":true}},)"
      R"("serverInfo":{"name":"fake","version":"1"},"instructions":"be \"nice\""}})");
  EXPECT_EQ(got.header("Mcp-Session-Id")->size(), 32U);
  const auto future =
      post(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2031-01-01"}})");
  EXPECT_NE(future.body.find(R"("protocolVersion":"2025-11-25","capabilities":{"logging":{},)"
                             R"("tools":{"listChanged":true},"tasks":{}})"),
            std::string::npos);
}

TEST_F(McpEndpointTest, requests_are_forwarded_and_answered_with_the_clients_own_id) {
  const std::string session = open();
  for (const char* id : {"0", "\"0\"", "1.0"}) {
    const auto got = post(std::string(R"({"jsonrpc":"2.0","id":)") + id +
                              R"(,"method":"tools/call","params":{"name":"echo","n":1.50}})",
                          {{"Mcp-Session-Id", session}});
    EXPECT_EQ(got.body,
              std::string(R"({"jsonrpc":"2.0","id":)") + id + R"(,"result":{"name":"echo","n":1.50}})");
  }
  const auto failed = post(R"({"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"fail"}})",
                           {{"Mcp-Session-Id", session}});
  EXPECT_EQ(failed.body,
            R"({"jsonrpc":"2.0","id":9,"error":{"code":-32602,"message":"unknown tool","data":{"why":1}}})");
}

TEST_F(McpEndpointTest, ping_initialized_and_responses_stay_here) {
  const Headers session{{"Mcp-Session-Id", open()}};
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":"p","method":"ping"})", session).body,
            R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session).status, 202U);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"result":{}})", session).status, 202U);
  EXPECT_EQ(front->counts.requests + front->counts.notified, 0);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})", session).status, 202U);
  EXPECT_EQ(front->counts.notified, 1);
}

TEST_F(McpEndpointTest, wrong_requests_get_the_status_that_clients_know) {
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  const std::string session = open();
  EXPECT_EQ(post(ping).status, 400U);
  EXPECT_EQ(post(ping, {{"Mcp-Session-Id", "nope"}}).status, 404U);
  EXPECT_EQ(post(ping, {{"Mcp-Session-Id", session}}, "/mcp/broken").status, 404U);
  EXPECT_EQ(post(ping, {{"Mcp-Session-Id", session}, {"MCP-Protocol-Version", "1999-01-01"}}).status, 400U);
  EXPECT_EQ(post(ping, {{"Mcp-Session-Id", session}, {"MCP-Protocol-Version", "2025-06-18"}}).status, 200U);
  const auto stray = post(R"({"jsonrpc":"2.0","id":1,"result":{}})", {{"Mcp-Session-Id", "nope"}});
  EXPECT_EQ(stray.status, 404U);
  EXPECT_EQ(stray.body.find("\"id\""), std::string::npos) << "a response is owed no answer";
  EXPECT_EQ(post(kInitialize, {{"Mcp-Session-Id", session}}).status, 400U);
  EXPECT_EQ(post(kInitialize, {}, "/mcp/nobody").status, 404U);
  EXPECT_NE(post("{nonsense").body.find("-32700"), std::string::npos);
  EXPECT_EQ(post("{nonsense").body.find("\"id\""), std::string::npos);
  EXPECT_EQ(post(ping, {{"Accept", "text/html"}}).status, 406U);
  EXPECT_EQ(front->ask("POST", "/mcp/memory", ping, {{"Content-Type", "text/plain"}}).status, 415U);
  EXPECT_EQ(front->ask("GET", "/mcp/memory").status, 406U);
  EXPECT_EQ(front->ask("PUT", "/mcp/memory").status, 405U);
}

TEST_F(McpEndpointTest, delete_ends_the_session_and_its_lease) {
  const std::string session = open();
  EXPECT_EQ(front->ask("DELETE", "/mcp/memory", {}, {{"Mcp-Session-Id", session}}).status, 204U);
  EXPECT_EQ(front->counts.ended, 1);
  EXPECT_EQ(front->ask("DELETE", "/mcp/memory", {}, {{"Mcp-Session-Id", session}}).status, 404U);
}

TEST_F(McpEndpointTest, cancelled_interrupts_the_request_it_names_and_no_other) {
  const std::string session = open();
  RawClient one(front->path), two(front->path);
  one.send(http(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"));
  two.send(http(session, R"({"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"slow"}})"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 2; }));
  post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})",
       {{"Mcp-Session-Id", session}});
  EXPECT_NE(one.read_until("HTTP/1.1 202").find("HTTP/1.1 202"), std::string::npos)
      << "it wants no answer any more";
  EXPECT_EQ(front->counts.cancelled, 1);
}

TEST_F(McpEndpointTest, a_client_that_dies_in_a_call_cancels_it_but_its_session_may_come_back) {
  const std::string session = open();
  RawClient client(front->path);
  client.send(http(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return front->counts.cancelled == 1; }));
  EXPECT_EQ(front->counts.ended, 0);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Mcp-Session-Id", session}}).status, 200U);
}

TEST_F(McpEndpointTest, a_bound_session_ends_with_its_connection_even_in_the_middle_of_a_call) {
  RawClient bound(front->path), caller(front->path);
  const std::string body = kInitialize;
  bound.send(
      "POST /mcp/memory HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nHoldfast-Bind: "
      "connection\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string got = bound.read_until("serverInfo");
  const auto at = got.find("Mcp-Session-Id: ");
  ASSERT_NE(at, std::string::npos);
  caller.send(http(got.substr(at + 16, 32),
                   R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  EXPECT_EQ(front->counts.ended, 0);
  bound.close();
  EXPECT_TRUE(eventually([&] { return front->counts.cancelled == 1 && front->counts.ended == 1; }));
}

TEST_F(McpEndpointTest, idle_sessions_end_but_not_those_with_a_request_in_flight) {
  front = std::make_unique<FakeFront>(McpEndpointOptions{.session_idle_timeout = 100ms});
  const std::string busy = open();
  open();
  RawClient client(front->path);
  client.send(http(busy, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"));
  EXPECT_TRUE(eventually([&] { return front->counts.ended == 1; }));
  client.read_until("nothing", 200ms);
  EXPECT_EQ(front->counts.ended, 1);
}

TEST_F(McpEndpointTest, who_opens_session_after_session_ends_the_longest_idle_of_his_own) {
  front = std::make_unique<FakeFront>(McpEndpointOptions{.sessions = 2});
  const std::string busy = open();
  RawClient client(front->path);
  client.send(http(busy, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  const std::string first = open(), second = open();
  EXPECT_EQ(front->counts.ended, 1);
  const auto ping = [&](const std::string& session) {
    return post(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Mcp-Session-Id", session}}).status;
  };
  EXPECT_EQ(ping(first), 404U);
  EXPECT_EQ(ping(second), 200U);
  EXPECT_EQ(front->counts.cancelled, 0);
}

TEST_F(McpEndpointTest, stop_ends_everything) {
  const std::string session = open();
  RawClient client(front->path);
  client.send(http(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})"));
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  front->stop();
  EXPECT_EQ(front->counts.cancelled, 1);
  EXPECT_EQ(front->counts.ended, 1);
}

}  // namespace
}  // namespace holdfast::front
