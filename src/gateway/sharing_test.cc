#include "gateway/sharing.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

struct Client final : Consumer {
  std::optional<std::string> project;
  mcp::ClientProfile about;
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const override {
    return name == "X-Project" ? project : std::nullopt;
  }
  std::string came_with;
  [[nodiscard]] std::string_view token() const override { return came_with; }
  [[nodiscard]] const mcp::ClientProfile& profile() const override { return about; }
  void notified(std::string_view, std::string_view, std::string_view, CallNumber) override {}
  asio::awaitable<Result<mcp::Reply>> asked(std::string, std::string, std::string, CallNumber) override {
    co_return fail(Errc::refused, "asked");
  }
};

config::Server by(config::Sharing sharing, std::string key = {}) {
  config::Server server;
  server.sharing = sharing;
  server.sharing_key = std::move(key);
  return server;
}
const config::Server kByProject = by(config::Sharing::key, "header:X-Project");

std::optional<std::string> under(std::string project) {
  Client client;
  client.project = std::move(project);
  return shared_under(kByProject, &client);
}

TEST(sharing, by_all_by_nobody_and_by_those_of_one_value) {
  Client client;
  client.project = "alpha";
  EXPECT_EQ(shared_under(by(config::Sharing::shared), &client), "");
  EXPECT_EQ(shared_under(by(config::Sharing::session), &client), std::nullopt);
  EXPECT_EQ(shared_under(kByProject, &client), "X-Project=alpha");
  EXPECT_NE(under("alpha"), under("Alpha"));
}

TEST(sharing, by_those_who_came_with_one_token) {
  const auto by_token = by(config::Sharing::key, "token");
  Client client;
  EXPECT_EQ(shared_under(by_token, &client), std::nullopt);
  EXPECT_EQ(shared_under(by_token, nullptr), std::nullopt);
  client.came_with = "0a1b";
  EXPECT_EQ(shared_under(by_token, &client), "token=0a1b");
}

TEST(sharing, who_has_no_value_has_a_copy_of_his_own) {
  const Client none;
  EXPECT_EQ(shared_under(kByProject, &none), std::nullopt);
  EXPECT_EQ(shared_under(kByProject, nullptr), std::nullopt);
  EXPECT_EQ(shared_under(by(config::Sharing::key, "header:X-Other"), &none), std::nullopt);
  EXPECT_EQ(under(""), std::nullopt);
  EXPECT_TRUE(under(std::string(256, 'a')));
  EXPECT_EQ(under(std::string(257, 'a')), std::nullopt);
}

TEST(sharing, no_value_is_read_as_another_nor_as_another_profile) {
  EXPECT_EQ(under("a~0123456789ab"), "X-Project=a%7E0123456789ab");
  EXPECT_EQ(under("a%7E"), "X-Project=a%257E");
  EXPECT_EQ(under("a b=\xff"), "X-Project=a%20b%3D%FF");
  EXPECT_EQ(under("team/a:1@x+y-z_."), "X-Project=team/a:1@x+y-z_.");
}

}  // namespace
}  // namespace holdfast::gateway
