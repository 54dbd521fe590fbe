// `/mcp` on real servers: what one of them does costs the others nothing, and what was listed once is known
// in another life.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/test_support.h"
#include "gateway/view.h"
#include "house.h"

namespace holdfast::test {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

config::Config with(std::vector<config::Server> servers) {
  config::Config config;
  config.drain = 300ms;
  for (auto& server : servers) config.servers.emplace(server.name, std::move(server));
  return config;
}

struct Client final : gateway::Consumer {
  mcp::ClientProfile about;
  const mcp::ClientProfile& profile() const override { return about; }
  void notified(std::string_view, std::string_view, std::string_view, gateway::CallNumber) override {}
  asio::awaitable<Result<mcp::Reply>> asked(std::string, std::string, std::string,
                                            gateway::CallNumber) override {
    co_return fail(Errc::refused, "asked");
  }
};

asio::awaitable<Result<mcp::Reply>> ask(gateway::View& view, std::string method, std::string params) {
  co_return co_await view.request(method, params, {});
}

json answer(House& house, gateway::View& view, std::string method, std::string params = {}) {
  const auto reply = house.run(ask(view, std::move(method), std::move(params)));
  if (!reply) return reply.error().message();
  return reply->error ? json(reply->error->message) : json::parse(reply->result);
}

std::map<std::string, int> tools_by_server(const json& page) {
  std::map<std::string, int> counts;
  for (const auto& tool : page["tools"]) {
    const auto name = tool["name"].get<std::string>();
    ++counts[name.substr(0, name.find("__"))];
  }
  return counts;
}

TEST(AllServers, one_that_hangs_and_one_that_is_not_there_are_named_and_cost_the_others_nothing) {
  auto absent = fixture_server("absent");
  absent.command = "/nonexistent/server";
  House house(with({fixture_server("a"), fixture_server("b", {"--page-size", "5"}),
                    fixture_server("hangs", {"--no-init"}), absent}));
  const auto client = std::make_shared<Client>();
  const auto view = gateway::view_of_all(*house.gateway, "chat", client, {.patience = 4s});
  ASSERT_TRUE(house.run(view->hello()));
  EXPECT_TRUE(living_servers().empty()) << "initialize started " << to_string(living_servers());

  const auto before = steady_clock::now();
  const auto page = answer(house, *view, "tools/list");
  EXPECT_LT(steady_clock::now() - before, 8s) << "connectTimeout is 10 s";
  const auto counts = tools_by_server(page);
  EXPECT_EQ(counts, (std::map<std::string, int>{{"a", 12}, {"b", 12}}));
  ASSERT_TRUE(page.contains("_meta")) << page;
  const auto& missing = page["_meta"]["holdfast/unavailable"];
  EXPECT_EQ(missing.size(), 2U) << missing;
  EXPECT_EQ(missing.value("hangs", ""), "it has not answered yet");
  EXPECT_NE(missing.value("absent", "").find("No such file"), std::string::npos) << missing;

  const auto called = answer(house, *view, "tools/call", R"({"name":"b__echo","arguments":{"text":"hi"}})");
  EXPECT_EQ(called["content"][0]["text"], "hi");
  EXPECT_EQ(answer(house, *view, "tools/call", R"({"name":"c__echo"})"),
            "Unknown tool: c__echo; did you mean a__echo?");
}

TEST(AllServers, another_life_lists_what_was_listed_and_starts_nothing) {
  const TempDir temp;
  const auto config = with({fixture_server("a"), fixture_server("b", {"--page-size", "5"})});
  json before;
  {
    House house(config, {.catalog_dir = temp.path()});
    const auto view = gateway::view_of_all(*house.gateway, "chat", std::make_shared<Client>());
    before = answer(house, *view, "tools/list");
    EXPECT_EQ(house.custodian->totals().started, 2);
    ASSERT_TRUE(house.turn_until([&] { return !answer(house, *view, "prompts/list").contains("_meta"); }));
  }
  House house(config, {.catalog_dir = temp.path()});
  const auto view = gateway::view_of_all(*house.gateway, "chat", std::make_shared<Client>());
  EXPECT_EQ(answer(house, *view, "tools/list"), before);
  EXPECT_TRUE(answer(house, *view, "prompts/list")["prompts"].empty());
  EXPECT_EQ(house.custodian->totals().started, 0);
  EXPECT_TRUE(living_servers().empty()) << to_string(living_servers());
  EXPECT_EQ(answer(house, *view, "tools/call",
                   R"({"name":"a__echo","arguments":{"text":"hi"}})")["content"][0]["text"],
            "hi");
  EXPECT_EQ(house.custodian->totals().started, 1) << "a call starts its own server only";
}

}  // namespace
}  // namespace holdfast::test
