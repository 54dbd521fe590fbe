#include "base/address.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Address, reads_what_it_writes) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:4653", "unix:/run/x.sock",
                           "https://127.0.0.1:8443", "https://[::1]:0"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(to_string(*parse_address("localhost:1")), "127.0.0.1:1");
  EXPECT_EQ(to_string(*parse_address("http://localhost:1")), "127.0.0.1:1");
}

TEST(Address, what_is_wrong_is_said) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "the port is missing"},
      {"80", "the port is missing"},
      {"/run/x.sock", "the port is missing"},
      {"example.org:80", "the host must be an IP address"},
      {":80", "the host must be an IP address"},
      {"::1:80", "the host must be an IP address"},
      {"[127.0.0.1]:80", "the host must be an IP address"},
      {"[:80", "the host must be an IP address"},
      {"127.0.0.1:", "a port is a number from 0 to 65535"},
      {"127.0.0.1:65536", "a port is a number from 0 to 65535"},
      {"127.0.0.1:8x", "a port is a number from 0 to 65535"},
      {"https://", "the port is missing"},
      {"https://127.0.0.1", "the port is missing"},
      {"https://127.0.0.1:1/", "a port is a number from 0 to 65535"},
      {"https://unix:/x", "a port is a number from 0 to 65535"},
      {"https://https://127.0.0.1:1", "the host must be an IP address"},
      {"unix:run/x.sock", "the path after unix: must be absolute"},
      {"unix:/" + std::string(107, 'x'), "the path of a socket has at most 107 bytes"},
  };
  for (const auto& [text, fault] : cases) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().op, fault) << text;
  }
}

TEST(Address, what_others_could_reach_is_exposed) {
  for (const char* text : {"127.0.0.1:0", "127.8.9.1:1", "[::1]:0", "localhost:0", "unix:/run/x.sock"})
    EXPECT_FALSE(is_exposed(*parse_address(text))) << text;
  for (const char* text :
       {"0.0.0.0:1", "192.168.1.1:1", "10.0.0.1:0", "[::]:1", "[fe80::1]:1", "[::ffff:0.0.0.0]:1"})
    EXPECT_TRUE(is_exposed(*parse_address(text))) << text;
}

}  // namespace
}  // namespace holdfast
