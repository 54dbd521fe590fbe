#include "front/guard.h"

#include <gtest/gtest.h>

namespace holdfast::front {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

bool passes(Headers headers, const char* bound = "127.0.0.1:4653") {
  Request request;
  request.headers = std::move(headers);
  return !foreign(request, *parse_address(bound));
}

TEST(Guard, a_host_of_this_machine_passes_with_any_port) {
  for (const char* host : {"localhost", "LocalHost:4653", "127.0.0.1", "127.0.0.1:1", "127.8.9.1:65535",
                           "[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]:80"})
    EXPECT_TRUE(passes({{"Host", host}})) << host;
}

TEST(Guard, any_other_host_is_refused) {
  for (const char* host : {"",
                           "evil.example",
                           "evil.example:4653",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "evil@localhost",
                           "localhost:",
                           "localhost:x",
                           "localhost:80:80",
                           "10.0.0.1",
                           "0.0.0.0",
                           "[::]",
                           "::1",
                           "[::1",
                           "[127.0.0.1]",
                           "[fe80::1%lo]",
                           "[::1%lo]",
                           "127.1",
                           "0x7f.0.0.1",
                           "2130706433",
                           "localhost, evil.example",
                           " localhost"})
    EXPECT_FALSE(passes({{"Host", host}})) << host;
}

TEST(Guard, exactly_one_host_is_needed_on_a_port) {
  EXPECT_FALSE(passes({}));
  EXPECT_FALSE(passes({{"Host", "localhost"}, {"host", "localhost"}}));
  EXPECT_FALSE(passes({{"Host", "localhost"}, {"HOST", "evil.example"}}));
}

TEST(Guard, the_bound_address_itself_passes) {
  EXPECT_TRUE(passes({{"Host", "10.0.0.1:4653"}}, "10.0.0.1:4653"));
  EXPECT_FALSE(passes({{"Host", "10.0.0.2:4653"}}, "10.0.0.1:4653"));
  EXPECT_FALSE(passes({{"Host", "0.0.0.0:4653"}}, "0.0.0.0:4653"));
}

TEST(Guard, on_all_addresses_a_number_passes_and_no_name) {
  for (const char* bound : {"0.0.0.0:4653", "[::]:4653"}) {
    for (const char* host : {"10.0.0.1:4653", "192.168.7.7", "[fd00::1]:80", "localhost"})
      EXPECT_TRUE(passes({{"Host", host}}, bound)) << host;
    for (const char* host : {"evil.example", "0.0.0.0:4653", "[::]", "10.0.0.1.evil.example", "1.2.3", ""})
      EXPECT_FALSE(passes({{"Host", host}}, bound)) << host;
    EXPECT_FALSE(passes({{"Host", "10.0.0.1"}, {"Origin", "http://10.0.0.9"}}, bound));
  }
}

TEST(Guard, an_origin_must_be_a_page_of_this_machine) {
  for (const char* origin :
       {"http://localhost", "http://localhost:6274", "https://127.0.0.1:3000", "HTTP://[::1]:1"})
    EXPECT_TRUE(passes({{"Host", "localhost"}, {"Origin", origin}})) << origin;
  for (const char* origin :
       {"", "null", "http://evil.example", "https://localhost.evil.example", "file://localhost",
        "http://evil@localhost", "http://localhost/x", "http:/localhost", "localhost"})
    EXPECT_FALSE(passes({{"Host", "localhost"}, {"Origin", origin}})) << origin;
  EXPECT_FALSE(
      passes({{"Host", "localhost"}, {"Origin", "http://localhost"}, {"origin", "http://evil.example"}}));
}

TEST(Guard, a_unix_socket_takes_any_host_but_no_foreign_origin) {
  EXPECT_TRUE(passes({}, "unix:/x"));
  EXPECT_TRUE(passes({{"Host", "whatever"}}, "unix:/x"));
  EXPECT_TRUE(passes({{"Origin", "http://localhost"}}, "unix:/x"));
  EXPECT_FALSE(passes({{"Origin", "http://evil.example"}}, "unix:/x"));
}

}  // namespace
}  // namespace holdfast::front
