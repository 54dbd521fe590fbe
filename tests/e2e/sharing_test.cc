// `sharing: { key: "header:NAME" }` on the real programs: who shares a process is read from its own pid and
// from /proc.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/address.h"
#include "net/http_client.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using Headers = std::vector<std::pair<std::string, std::string>>;

const std::string kConfig = std::string("listen: []\nmcpServers:\n  s: { command: ") +
                            HOLDFAST_FIXTURE_SERVER + ", sharing: { key: \"header:X-Project\" } }\n";

// A client of /mcp/s, or of /mcp, that sends these headers with initialize and with nothing else.
class HttpClient {
 public:
  HttpClient(GatewayProcess& gateway, Headers headers, std::string path = "/mcp/s")
      : socket_((gateway.dir() / "state" / "holdfast.sock").string()), path_(std::move(path)) {
    const auto hello =
        ask("POST",
            R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
            R"("capabilities":{},"clientInfo":{"name":"test","version":"1"}}})",
            std::move(headers));
    for (const auto& [name, value] : hello.headers)
      if (name == "Mcp-Session-Id") session_ = value;
  }
  // Of the server that answers.
  std::string pid() {
    const std::string tool = path_ == "/mcp" ? "s__pid" : "pid";
    const auto answer = ask("POST",
                            R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
                                R"(","arguments":{}}})",
                            {});
    const auto body = json::parse(answer.body, nullptr, false);
    return body.is_object() && body.contains("result")
               ? body["result"]["content"][0]["text"].get<std::string>()
               : answer.body;
  }
  void end() { (void)ask("DELETE", "", {}); }

 private:
  net::HttpResponse ask(std::string method, std::string body, Headers headers) {
    headers.emplace_back("Content-Type", "application/json");
    headers.emplace_back("Accept", "application/json, text/event-stream");
    if (!session_.empty()) headers.emplace_back("Mcp-Session-Id", session_);
    auto got = net::fetch(unix_address(socket_),
                          {std::move(method), path_, std::move(headers), std::move(body)}, 20s);
    return got ? *got : net::HttpResponse{};
  }
  std::string socket_, path_, session_;
};

class SharingByKey : public ProgramsTest {};

TEST_F(SharingByKey, those_of_one_value_share_and_nobody_else) {
  GatewayProcess gateway(kConfig);
  HttpClient a(gateway, {{"X-Project", "alpha"}}), again(gateway, {{"x-project", "alpha"}}),
      all(gateway, {{"X-Project", "alpha"}}, "/mcp"), b(gateway, {{"X-Project", "beta"}}), none(gateway, {}),
      other(gateway, {}), two(gateway, {{"X-Project", "alpha"}, {"X-Project", "beta"}});
  const std::string alpha = a.pid();
  EXPECT_EQ(again.pid(), alpha);
  EXPECT_EQ(all.pid(), alpha);
  const std::set<std::string> apart{alpha, b.pid(), none.pid(), other.pid(), two.pid()};
  EXPECT_EQ(apart.size(), 5U);
  EXPECT_EQ(servers(), 5) << to_string(living_servers());

  // What is shared outlives its clients until it has been idle for long; nobody can come back to one's own
  // copy.
  for (HttpClient* client : {&none, &other, &two, &b}) client->end();
  EXPECT_TRUE(servers_become(2, 10s)) << to_string(living_servers());
  HttpClient later(gateway, {{"X-Project", "beta"}});
  EXPECT_TRUE(apart.contains(later.pid()));
  const auto ps = gateway.cli({"ps", "--json"}).out;
  EXPECT_NE(ps.find("\"X-Project=alpha\""), std::string::npos) << ps;
}

TEST_F(SharingByKey, a_client_without_headers_and_a_job_have_their_own) {
  GatewayProcess gateway(kConfig);
  HttpClient a(gateway, {{"X-Project", "alpha"}});
  const std::string alpha = a.pid();
  auto stdio = connect(gateway, "s");
  EXPECT_EQ(call(*stdio, "pid").find("\"text\":\"" + alpha + "\""), std::string::npos);
  EXPECT_EQ(servers(), 2) << to_string(living_servers());
  EXPECT_NE(gateway.cli({"call", "s__pid"}).out, alpha + "\n");
  EXPECT_TRUE(servers_become(2, 10s)) << to_string(living_servers());
}

}  // namespace
}  // namespace holdfast::test
