#include "daemon/exposure.h"

#include <gtest/gtest.h>

namespace holdfast::daemon {
namespace {

using config::Anonymous;
using Addresses = std::vector<std::string>;

TEST(Exposure, an_address_that_others_could_reach_needs_a_token_or_plain_words) {
  const SystemTime now = std::chrono::system_clock::now();
  gateway::TokenList one;
  ASSERT_TRUE(add_token(one, {.name = "ci", .rights = {}, .lifetime = std::chrono::hours(1)}, now));
  const Addresses exposed{"127.0.0.1:4653", "0.0.0.0:4653"};
  for (const auto anonymous : {Anonymous::loopback, Anonymous::never}) {
    const std::string why = why_not_to_listen(exposed, anonymous, {}, now);
    EXPECT_NE(why.find("0.0.0.0:4653"), std::string::npos) << why;
    EXPECT_NE(why.find("holdfast token add NAME"), std::string::npos) << why;
    EXPECT_EQ(why_not_to_listen(exposed, anonymous, one, now), "");
    EXPECT_NE(why_not_to_listen(exposed, anonymous, one, now + std::chrono::hours(2)), "")
        << "it has expired";
  }
  EXPECT_EQ(why_not_to_listen(exposed, Anonymous::everywhere, {}, now), "");
  const Addresses ours{"127.0.0.1:1", "[::1]:1", "unix:/x"};
  EXPECT_EQ(why_not_to_listen(ours, Anonymous::loopback, {}, now), "");
  EXPECT_EQ(why_not_to_listen(ours, Anonymous::never, {}, now), "");
}

TEST(Exposure, an_address_with_tls_needs_something_to_show) {
  const config::Tls files{.certificate = "c.pem", .key = "k.pem"};
  const Addresses with{"127.0.0.1:1", "https://127.0.0.1:2"}, without{"127.0.0.1:1", "unix:/x"};
  EXPECT_EQ(why_not_to_listen_with_tls(with, {}),
            "https://127.0.0.1:2 needs `tls: { certificate: FILE, key: FILE }` in the configuration");
  EXPECT_EQ(why_not_to_listen_with_tls(with, files), "");
  EXPECT_EQ(why_not_to_listen_with_tls(without, {}), "");
}

}  // namespace
}  // namespace holdfast::daemon
