#include "front/public_service.h"

#include "front/mcp_testing.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;

struct PublicServiceTest : McpEndpointTest {
  std::atomic<bool> ready = true;
  Address address = front->thread.on([&] {
    auto listener = net::Listener::open(front->thread.loop.get_executor(), *parse_address("127.0.0.1:0"));
    const Address bound = listener->address();
    front->server->serve(std::move(*listener), public_service(*front->endpoint, bound, {front->tokens},
                                                              [this] { return ready.load(); }));
    return bound;
  });
  net::HttpResponse ask(std::string method, std::string target, std::string body = {}, Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    const auto got =
        net::fetch(address, {std::move(method), std::move(target), std::move(headers), std::move(body)}, 10s);
    if (got) return *got;
    ADD_FAILURE() << got.error().message();
    return {};
  }
};

TEST_F(PublicServiceTest, says_whether_it_lives_and_whether_it_takes_work) {
  EXPECT_EQ(ask("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(ask("GET", "/readyz").status, 200U);
  ready = false;
  EXPECT_EQ(ask("GET", "/healthz").status, 200U);
  EXPECT_EQ(ask("GET", "/readyz").status, 503U);
  EXPECT_EQ(ask("POST", "/healthz").status, 405U);
  EXPECT_EQ(ask("GET", "/v1/status").status, 404U);
  EXPECT_EQ(ask("GET", "/").status, 404U);
}

TEST_F(PublicServiceTest, serves_a_client_from_initialize_to_delete) {
  const auto hello = ask("POST", "/mcp/memory", kInitialize);
  ASSERT_EQ(hello.status, 200U);
  const Headers session{{"Mcp-Session-Id", std::string(hello.header("Mcp-Session-Id").value_or(""))}};
  EXPECT_EQ(ask("POST", "/mcp/memory",
                R"({"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"text"}})", session)
                .status,
            200U);
  EXPECT_EQ(ask("DELETE", "/mcp/memory", {}, session).status, 204U);
  EXPECT_EQ(ask("POST", "/mcp/memory", R"({"jsonrpc":"2.0","id":1,"method":"ping"})", session).status, 404U);
}

TEST_F(PublicServiceTest, a_client_that_sends_too_much_is_told_when_to_come_again) {
  const Admission admission{front->tokens, config::Anonymous::loopback, std::make_shared<RateLimit>(1)};
  const Service service = public_service(*front->endpoint, address, admission, [] { return true; });
  const auto one_more = [&](std::string path) {
    Request request;
    request.method = "POST", request.target = std::move(path), request.body = kInitialize;
    request.headers = {{"Content-Type", "application/json"}, {"Host", "127.0.0.1"}};
    request.peer.loopback = true;
    return front->thread.await(service.handler(std::move(request)));
  };
  EXPECT_EQ(one_more("/mcp/memory").status, 200U);
  EXPECT_EQ(one_more("/mcp/memory").status, 200U);
  const Response refused = one_more("/mcp");
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(refused.headers, (Headers{{"Retry-After", "1"}}));
  EXPECT_EQ(front->counts.opened, 2);
  EXPECT_NE(one_more("/healthz").status, 429U);
}

TEST_F(PublicServiceTest, a_web_page_that_is_not_of_this_machine_is_refused_before_anything_is_opened) {
  const auto got = ask("POST", "/mcp/memory", kInitialize, {{"Origin", "http://evil.example"}});
  EXPECT_EQ(got.status, 403U);
  EXPECT_EQ(
      got.body,
      R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Origin is not of this machine: http://evil.example"}})");
  Request request;
  request.method = "POST", request.target = "/mcp/memory", request.body = kInitialize;
  request.headers = {{"Content-Type", "application/json"}, {"Host", "evil.example:4653"}};
  request.peer.loopback = true;
  const auto rebound = front->thread.await(public_service(*front->endpoint, address, {front->tokens}, [] {
                                             return true;
                                           }).handler(std::move(request)));
  EXPECT_EQ(rebound.status, 403U);
  EXPECT_EQ(front->counts.opened, 0);
}

}  // namespace
}  // namespace holdfast::front
