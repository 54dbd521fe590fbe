// Many at the door at once: who only holds a connection open keeps nobody from being served.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <nlohmann/json.hpp>

#include "needs.h"
#include "net/http_client.h"
#include "os/descriptors.h"
#include "os/procfs.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using json = nlohmann::json;

constexpr std::size_t kCrowd = 10'000;
constexpr std::uint64_t kDescriptors = kCrowd + 1'000;  // of each of the two processes
constexpr std::int64_t kEach = 16 << 10;  // bytes of the gateway that an idle connection may cost

std::string config_with(const std::string& http) {
  return "listen: \"127.0.0.1:0\"\ndrain: 2s\nhttp: { " + http +
         " }\nmcpServers:\n  s:\n    command: " + HOLDFAST_FIXTURE_SERVER + "\n";
}

class Crowd : public ProgramsTest {
 protected:
  void SetUp() override {
    ProgramsTest::SetUp();
    const auto limit = os::descriptor_limit();
    HOLDFAST_NEEDS("descriptors", limit && limit->hard >= kDescriptors,
                   std::to_string(kDescriptors) + " open files of one process (`ulimit -Hn`)");
    (void)os::raise_descriptor_limit();
  }
  static Address address_of(GatewayProcess& gateway) {
    const auto status = json::parse(gateway.cli({"status", "--json"}).out);
    return *parse_address(status["gateway"]["listen"][0].get<std::string>());
  }
  // So many connections that say nothing.
  void gather(const Address& address, std::size_t count) {
    const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
    while (crowd_.size() < count) {
      crowd_.emplace_back(loop_);
      boost::system::error_code ec;
      crowd_.back().connect(endpoint, ec);
      ASSERT_FALSE(ec) << "the " << crowd_.size() << "th: " << ec.message();
    }
  }
  static net::HttpResponse initialize(const Address& address) {
    const auto answer = net::fetch(
        address,
        {.method = "POST",
         .target = "/mcp/s",
         .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}},
         .body =
             R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})"},
        20s);
    EXPECT_TRUE(answer) << answer.error().message();
    return answer.value_or(net::HttpResponse{});
  }

  asio::io_context loop_;
  std::deque<tcp::socket> crowd_;
};

TEST_F(Crowd, ten_thousand_idle_connections_are_held_for_little) {
  GatewayProcess gateway(config_with("maxConnections: 11000"));
  const Address address = address_of(gateway);
  EXPECT_EQ(initialize(address).status, 200U);
  const auto before = os::pss_anon_bytes(gateway.program().pid());
  gather(address, kCrowd);
  EXPECT_EQ(initialize(address).status, 200U);  // accepted behind all of them
  const auto held = os::pss_anon_bytes(gateway.program().pid());
  ASSERT_TRUE(before && held);
  const std::int64_t each = (*held - *before) / static_cast<std::int64_t>(kCrowd);
  RecordProperty("bytes_each", std::to_string(each));
  EXPECT_LT(each, kEach);
  std::size_t alive = 0;
  for (auto& one : crowd_) {  // nobody was let go to make room
    one.non_blocking(true);
    char byte = 0;
    boost::system::error_code ec;
    (void)one.read_some(asio::buffer(&byte, 1), ec);
    alive += ec == asio::error::would_block ? 1 : 0;
  }
  EXPECT_EQ(alive, kCrowd);
}

TEST_F(Crowd, a_flood_beyond_the_bound_keeps_nobody_out) {
  GatewayProcess gateway(config_with("maxConnections: 100"));
  const Address address = address_of(gateway);
  gather(address, kCrowd);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(initialize(address).status, 200U) << i;
  EXPECT_LT(os::pss_anon_bytes(gateway.program().pid()).value_or(0), 64 << 20);
}

}  // namespace
}  // namespace holdfast::test
