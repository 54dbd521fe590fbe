#include "front/authenticate.h"

#include "front/mcp_testing.h"
#include "front/public_service.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;
using config::Anonymous;

constexpr net::Peer kUnix{.local = true, .uid = 1, .pid = 1}, kLoopback{.loopback = true}, kRemote{};
const Address kHere = *parse_address("127.0.0.1:4653"), kOutside = *parse_address("10.0.0.1:4653");

SystemTime now() { return std::chrono::system_clock::now(); }

struct AuthenticateTest : McpEndpointTest {
  std::string right, restricted, expired;
  gateway::Tokens tokens{gateway::token_file_in(front->dir.path), made(), std::make_shared<Worker>(4)};

  AuthenticateTest() {
    tokens.on_revoked([this](const auto& who) { front->endpoint->end_sessions_of(who); });
  }
  gateway::TokenList made() {
    gateway::TokenList all;
    right = add_token(all, {.name = "right"}, now())->secret;
    restricted =
        add_token(all, {.name = "restricted", .rights = {.tools = {"memory__read_*"}}}, now())->secret;
    expired = add_token(all, {.name = "expired", .rights = {}, .lifetime = 1h}, now() - 2h)->secret;
    return all;
  }
  // One request from there, to a listener that is bound so.
  Response ask(Anonymous anonymous, net::Peer peer, Headers headers, std::string body = kInitialize,
               std::string target = "/mcp/memory", const Address& bound = kHere,
               std::string method = "POST") {
    Request request;
    request.method = std::move(method), request.target = std::move(target), request.body = std::move(body);
    request.headers = std::move(headers);
    request.headers.emplace_back("Content-Type", "application/json");
    if (!request.header("Host")) request.headers.emplace_back("Host", "localhost");
    request.peer = peer;
    return front->thread.await(public_service(*front->endpoint, bound, {tokens, anonymous}, [] {
                                 return true;
                               }).handler(std::move(request)));
  }
  static Headers bearer(const std::string& token) { return {{"Authorization", "Bearer " + token}}; }
  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }
  // Its session's id.
  std::string open(const std::string& token, std::string target = "/mcp/memory") {
    return header(ask(Anonymous::never, kRemote, bearer(token), kInitialize, std::move(target)),
                  "Mcp-Session-Id");
  }
  Response in_session(const std::string& id, const std::string& token, std::string body,
                      std::string target = "/mcp/memory") {
    Headers headers = token.empty() ? Headers() : bearer(token);
    headers.emplace_back("Mcp-Session-Id", id);
    return ask(Anonymous::everywhere, kRemote, std::move(headers), std::move(body), std::move(target));
  }
  void revoke(const std::string& name) { ASSERT_TRUE(front->thread.await(tokens.revoke(name))); }
};

constexpr std::string_view kPing = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";

TEST_F(AuthenticateTest, without_a_token_it_depends_on_where_one_comes_from) {
  const struct {
    Anonymous anonymous;
    unsigned by_unix, by_loopback, from_elsewhere;
  } rows[] = {{Anonymous::loopback, 200, 200, 401},
              {Anonymous::never, 401, 401, 401},
              {Anonymous::everywhere, 200, 200, 200}};
  for (const auto& row : rows) {
    EXPECT_EQ(ask(row.anonymous, kUnix, {}).status, row.by_unix);
    EXPECT_EQ(ask(row.anonymous, kLoopback, {}).status, row.by_loopback);
    EXPECT_EQ(ask(row.anonymous, kRemote, {}).status, row.from_elsewhere);
  }
  const Response refused = ask(Anonymous::never, kUnix, {});
  EXPECT_EQ(header(refused, "WWW-Authenticate"), "Bearer") << "no error: nothing was wrong, something lacked";
  EXPECT_EQ(front->counts.opened, 5);
}

TEST_F(AuthenticateTest, a_token_counts_from_everywhere_and_what_is_none_never_becomes_anonymous) {
  revoke("right");
  gateway::Minted fresh = *front->thread.await(tokens.add({.name = "fresh"}));
  std::string wrong = fresh.secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const Anonymous anonymous : {Anonymous::loopback, Anonymous::never, Anonymous::everywhere})
    for (const net::Peer& peer : {kUnix, kLoopback, kRemote}) {
      EXPECT_EQ(ask(anonymous, peer, bearer(fresh.secret)).status, 200U);
      EXPECT_EQ(ask(anonymous, peer, {{"AUTHORIZATION", "bearer   " + fresh.secret}}).status, 200U);
      const Headers none[] = {bearer(right),
                              bearer(expired),
                              bearer(wrong),
                              bearer(""),
                              bearer("x"),
                              {{"Authorization", ""}},
                              {{"Authorization", fresh.secret}},
                              {{"Authorization", "Basic dTpw"}}};
      for (const auto& headers : none) {
        const Response refused = ask(anonymous, peer, headers);
        EXPECT_EQ(refused.status, 401U) << headers[0].second;
        EXPECT_TRUE(header(refused, "WWW-Authenticate").starts_with(R"(Bearer error="invalid_token")"))
            << header(refused, "WWW-Authenticate");
        EXPECT_EQ(refused.body.find(fresh.secret), std::string::npos);
      }
    }
}

TEST_F(AuthenticateTest, a_token_in_the_query_and_two_of_them_are_refused_with_the_reason) {
  for (const std::string& query :
       {"?access_token=" + right, "?a=b&token=" + right, std::string("?x=%68f_1_2")}) {
    const Response refused =
        ask(Anonymous::everywhere, kUnix, bearer(right), kInitialize, "/mcp/memory" + query);
    EXPECT_EQ(refused.status, 400U) << query;
    EXPECT_NE(refused.body.find("Authorization: Bearer"), std::string::npos) << refused.body;
  }
  Headers two = bearer(right);
  two.emplace_back("authorization", "Bearer " + restricted);
  EXPECT_EQ(ask(Anonymous::everywhere, kUnix, two).status, 400U);
  EXPECT_EQ(front->counts.opened, 0);
}

TEST_F(AuthenticateTest, whoever_has_a_token_may_call_an_exposed_listener_by_any_name) {
  const auto named = [&](Headers headers, const Address& bound) {
    headers.emplace_back("Host", "gateway.example:4653");
    return ask(Anonymous::everywhere, kRemote, std::move(headers), kInitialize, "/mcp/memory", bound).status;
  };
  EXPECT_EQ(named(bearer(right), kOutside), 200U);
  EXPECT_EQ(named({}, kOutside), 403U);
  EXPECT_EQ(named(bearer(right), kHere), 403U);
  Headers page = bearer(right);
  page.emplace_back("Origin", "http://gateway.example");
  EXPECT_EQ(named(page, kOutside), 403U);
}

TEST_F(AuthenticateTest, a_session_is_its_principals_and_unknown_to_everybody_else) {
  const std::string id = open(right);
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(in_session(id, right, std::string(kPing)).status, 200U);
  const Response unknown = in_session("nonsense", restricted, std::string(kPing));
  for (const std::string& other : {restricted, std::string()}) {
    const Response refused = in_session(id, other, std::string(kPing));
    EXPECT_EQ(refused.status, 404U);
    EXPECT_EQ(refused.body, unknown.body);
    for (const std::string method : {"GET", "DELETE"}) {
      Headers headers = other.empty() ? Headers() : bearer(other);
      headers.insert(headers.end(), {{"Mcp-Session-Id", id}, {"Accept", "text/event-stream"}});
      EXPECT_EQ(ask(Anonymous::everywhere, kRemote, headers, "", "/mcp/memory", kHere, method).status, 404U)
          << method;
    }
  }
  EXPECT_EQ(post(std::string(kPing), {{"Mcp-Session-Id", id}}).status, 404U) << "nor is it the owner's";
  const std::string of_owner = McpEndpointTest::open();
  EXPECT_EQ(in_session(of_owner, right, std::string(kPing)).status, 404U);
  EXPECT_EQ(in_session(of_owner, "", std::string(kPing)).status, 404U);
  EXPECT_EQ(in_session(id, right, std::string(kPing)).status, 200U);
}

TEST_F(AuthenticateTest, rights_hide_servers_and_tools) {
  const auto call = [](std::string_view tool) {
    return R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":")" + std::string(tool) + "\"}}";
  };
  const std::string id = open(restricted);
  EXPECT_NE(in_session(id, restricted, call("read_x")).body.find("read_x"), std::string::npos);
  const int before = front->counts.requests;
  const Response refused = in_session(id, restricted, call("text"));
  EXPECT_NE(refused.body.find(R"("code":-32602,"message":"Unknown tool: text")"), std::string::npos)
      << refused.body;
  EXPECT_EQ(front->counts.requests, before) << "it never reached the server";
  gateway::Minted of_others = *front->thread.await(tokens.add({.name = "o", .rights = {.tools = {"x__*"}}}));
  const Response hidden = ask(Anonymous::never, kRemote, bearer(of_others.secret));
  const Response unknown = ask(Anonymous::never, kRemote, bearer(right), kInitialize, "/mcp/nobody");
  EXPECT_EQ(hidden.status, 404U);
  EXPECT_EQ(unknown.status, 404U);
  std::string renamed = unknown.body;
  renamed.replace(renamed.find("nobody"), 6, "memory");
  EXPECT_EQ(hidden.body, renamed);
}

TEST_F(AuthenticateTest, revoking_ends_the_sessions_and_what_they_have_in_flight) {
  const std::string id = open(right), other = open(restricted);
  auto flight = std::async(std::launch::async, [&] {
    return in_session(id, right,
                      R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"slow"}})");
  });
  ASSERT_TRUE(eventually([&] { return front->counts.requests == 1; }));
  revoke("right");
  EXPECT_NE(flight.get().body.find("error"), std::string::npos);
  EXPECT_EQ(front->counts.cancelled, 1);
  EXPECT_EQ(front->thread.on([&] { return front->endpoint->sessions(); }), 1U);
  EXPECT_TRUE(eventually([&] { return front->counts.ended == 1; })) << "its lease is given back";
  EXPECT_EQ(in_session(id, right, std::string(kPing)).status, 401U);
  EXPECT_EQ(in_session(other, restricted, std::string(kPing)).status, 200U);
}

TEST_F(AuthenticateTest, a_stream_of_the_older_transport_is_its_principals_too) {
  const Response opened = ask(Anonymous::never, kRemote, bearer(right), "", "/sse/memory", kOutside, "GET");
  ASSERT_EQ(opened.status, 200U);
  const auto event = front->thread.await(opened.stream->next(std::chrono::steady_clock::now()));
  ASSERT_EQ(event.pieces.size(), 1U);
  const std::string target = event.pieces[0]->substr(22, event.pieces[0]->find('\n', 22) - 22);
  const auto post = [&](const Headers& headers) {
    return ask(Anonymous::everywhere, kRemote, headers, kInitialize, target, kOutside).status;
  };
  EXPECT_EQ(post(bearer(restricted)), 404U);
  EXPECT_EQ(post({}), 404U);
  EXPECT_EQ(front->counts.opened, 0);
  EXPECT_EQ(post(bearer(right)), 202U);
  EXPECT_TRUE(eventually([&] { return front->thread.on([&] { return front->endpoint->sessions(); }) == 1; }));
  revoke("right");
  EXPECT_EQ(front->counts.ended, 1);
  EXPECT_FALSE(front->thread.on([&] { return opened.stream->open(); }));
  EXPECT_EQ(ask(Anonymous::never, kRemote, {}, "", "/sse", kOutside, "GET").status, 401U);
}

TEST_F(AuthenticateTest, who_was_revoked_while_the_server_started_gets_no_session) {
  Request request;
  request.method = "POST", request.target = "/mcp/memory", request.body = kInitialize;
  request.headers = {{"Content-Type", "application/json"}};
  const auto gone = std::make_shared<const gateway::Principal>(
      gateway::Principal{.name = "gone", .by_token = true, .rights = {}, .expires = {}, .revoked = true});
  const Response refused = front->thread.await(front->endpoint->handle(std::move(request), gone));
  EXPECT_EQ(refused.status, 401U);
  EXPECT_NE(header(refused, "WWW-Authenticate"), "");
  EXPECT_EQ(front->thread.on([&] { return front->endpoint->sessions(); }), 0U);
}

struct ExpiryTest : McpEndpointTest {
  ExpiryTest() { front = std::make_unique<FakeFront>(McpEndpointOptions{.reconnect_grace = 40ms}); }
};

TEST_F(ExpiryTest, a_session_ends_with_its_token) {
  Request request;
  request.method = "POST", request.target = "/mcp/memory", request.body = kInitialize;
  request.headers = {{"Content-Type", "application/json"}};
  const auto brief = std::make_shared<const gateway::Principal>(
      gateway::Principal{.name = "brief", .by_token = true, .rights = {}, .expires = now() + 300ms});
  EXPECT_EQ(front->thread.await(front->endpoint->handle(std::move(request), brief)).status, 200U);
  EXPECT_TRUE(eventually([&] { return front->thread.on([&] { return front->endpoint->sessions(); }) == 0; }));
  EXPECT_GE(now(), *brief->expires);
}

}  // namespace
}  // namespace holdfast::front
