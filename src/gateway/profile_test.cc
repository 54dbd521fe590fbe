#include "gateway/profile.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

mcp::ClientProfile profile(std::string capabilities, std::string revision = "2025-11-25") {
  return normalised({.revision = std::move(revision), .capabilities = std::move(capabilities)});
}

config::Server shared(int most = 32) {
  config::Server server;
  server.sharing = config::Sharing::shared;
  server.max_instances = most;
  return server;
}

TEST(Profile, the_order_of_keys_does_not_matter) {
  EXPECT_EQ(profile(R"({"sampling": {}, "elicitation":{"url":{},"form":{}}})").capabilities,
            profile(R"({"elicitation":{"form":{},"url":{}},"sampling":{}})").capabilities);
  EXPECT_EQ(key_suffix(profile(R"({"a":{"x":1,"y":2}})")), key_suffix(profile(R"({"a":{"y":2,"x":1}})")));
}

TEST(Profile, plain_ones_share_the_key_that_there_always_was) {
  EXPECT_EQ(key_suffix(normalised({})), "");
  EXPECT_EQ(key_suffix(profile("{ }")), "");
  EXPECT_EQ(key_suffix(profile_for(shared(), profile(R"({"roots":{"listChanged":true}})"))), "");
}

TEST(Profile, different_ones_get_keys_of_their_own) {
  const auto sampling = key_suffix(profile(R"({"sampling":{}})"));
  EXPECT_EQ(sampling.size(), 13U);
  EXPECT_EQ(sampling.front(), '~');
  EXPECT_NE(sampling, key_suffix(profile(R"({"elicitation":{}})")));
  EXPECT_NE(key_suffix(profile("{}", "2025-06-18")), "");
}

TEST(Profile, what_is_no_object_or_too_deep_declares_nothing) {
  for (const std::string& wrong : {std::string("[]"), std::string("{"), std::string(),
                                   std::string(100'000, '[') + std::string(100'000, ']')})
    EXPECT_EQ(profile(wrong).capabilities, "{}");
  EXPECT_EQ(profile("{}", "of some day").revision, "2025-11-25");
}

TEST(Profile, a_shared_process_has_no_clients_roots_and_one_that_must_be_alone_nobodys_profile) {
  const auto rich = profile(R"({"roots":{},"sampling":{},"tasks":{}})", "2025-06-18");
  EXPECT_EQ(profile_for(config::Server(), rich).capabilities, rich.capabilities);
  EXPECT_EQ(profile_for(shared(), rich).capabilities, R"({"sampling":{}})");
  EXPECT_EQ(profile_for(shared(), rich).revision, "2025-06-18");
  EXPECT_EQ(key_suffix(profile_for(shared(1), rich)), "");
}

TEST(Profile, only_what_is_declared_is_offered) {
  const auto rich = profile(R"({"roots":{},"sampling":{},"tasks":{},"elicitation":{}})");
  EXPECT_TRUE(offers(rich, "roots/list", ""));
  EXPECT_TRUE(offers(rich, "sampling/createMessage", "{}"));
  EXPECT_TRUE(offers(rich, "tasks/get", "{}"));
  EXPECT_FALSE(offers(rich, "tools/call", "{}"));
  EXPECT_FALSE(offers(rich, "", ""));
  EXPECT_FALSE(offers(profile(R"({"sampling":true})"), "sampling/createMessage", "{}"));
  EXPECT_FALSE(offers(profile("{}"), "roots/list", ""));
}

TEST(Profile, elicitation_is_offered_in_the_modes_that_are_declared) {
  const std::string_view form = R"({"message":"m"})", url = R"({"mode":"url","message":"m"})";
  const auto may = [](const mcp::ClientProfile& who, std::string_view params) {
    return offers(who, "elicitation/create", params);
  };
  EXPECT_TRUE(may(profile(R"({"elicitation":{}})"), form));
  EXPECT_TRUE(may(profile(R"({"elicitation":{}})"), R"({"mode":"form"})"));
  EXPECT_FALSE(may(profile(R"({"elicitation":{}})"), url));
  EXPECT_TRUE(may(profile(R"({"elicitation":{"url":{}}})"), url));
  EXPECT_FALSE(may(profile(R"({"elicitation":{"url":{}}})"), form));
  EXPECT_FALSE(may(profile(R"({"elicitation":{"url":{}}})"), R"({"mode":"smoke"})"));
  EXPECT_FALSE(may(profile(R"({"elicitation":{"url":{}}})", "2025-06-18"), url));
  EXPECT_FALSE(may(profile(R"({"elicitation":{}})", "2025-03-26"), form));
}

}  // namespace
}  // namespace holdfast::gateway
