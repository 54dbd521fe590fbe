#include "net/listener.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <fstream>

#include "base/ids.h"
#include "needs.h"

namespace holdfast::net {
namespace {

namespace fs = std::filesystem;

struct ListenerTest : testing::Test {
  fs::path dir = fs::temp_directory_path() / ("hfnet" + random_hex(6));
  Address address = unix_address((dir / "s.sock").string());
  asio::io_context loop{1};
  ListenerTest() { fs::create_directory(dir); }
  ~ListenerTest() override { fs::remove_all(dir); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
  }
};

TEST_F(ListenerTest, unix_socket_appears_with_mode_0600_and_nothing_beside_it) {
  const auto listener = Listener::open(loop.get_executor(), address);
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_EQ(fs::status(address.path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(files(), 1U);
}

TEST_F(ListenerTest, a_live_socket_is_refused_and_left_alone) {
  const auto first = Listener::open(loop.get_executor(), address);
  ASSERT_TRUE(first);
  const auto second = Listener::open(loop.get_executor(), address);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(Errc::refused));
  EXPECT_TRUE(fs::is_socket(address.path));
  EXPECT_EQ(files(), 1U);
}

TEST_F(ListenerTest, a_dead_socket_is_replaced) {
  {
    asio::local::stream_protocol::acceptor dead(loop, asio::local::stream_protocol::endpoint(address.path));
  }
  ASSERT_TRUE(fs::is_socket(address.path));
  const auto listener = Listener::open(loop.get_executor(), address);
  EXPECT_TRUE(listener) << listener.error().message();
}

TEST_F(ListenerTest, a_file_in_the_way_is_refused) {
  std::ofstream(address.path) << "precious";
  const auto listener = Listener::open(loop.get_executor(), address);
  ASSERT_FALSE(listener);
  EXPECT_TRUE(listener.error().is(Errc::refused));
  EXPECT_EQ(fs::file_size(address.path), 8U);
}

TEST_F(ListenerTest, closing_unlinks_its_own_socket_only) {
  auto first = Listener::open(loop.get_executor(), address);
  ASSERT_TRUE(first);
  fs::remove(address.path);
  auto second = Listener::open(loop.get_executor(), address);
  ASSERT_TRUE(second);
  first->close();
  EXPECT_TRUE(fs::exists(address.path));
  second->close();
  EXPECT_FALSE(fs::exists(address.path));
}

TEST_F(ListenerTest, a_path_too_long_for_a_socket_is_said) {
  const auto listener = Listener::open(loop.get_executor(), unix_address("/tmp/" + std::string(120, 'x')));
  ASSERT_FALSE(listener);
  EXPECT_TRUE(listener.error().is(Errc::invalid));
}

asio::awaitable<void> accept_into(Listener* listener, std::optional<Result<Accepted>>* out) {
  out->emplace(co_await listener->accept());
}

TEST_F(ListenerTest, unix_peers_come_with_their_credentials) {
  auto listener = Listener::open(loop.get_executor(), address);
  ASSERT_TRUE(listener);
  std::optional<Result<Accepted>> got;
  TaskGroup group(loop.get_executor());
  group.spawn("accept", accept_into(&*listener, &got));
  asio::local::stream_protocol::socket client(loop);
  client.connect(asio::local::stream_protocol::endpoint(address.path));
  loop.run_for(std::chrono::seconds(10));
  ASSERT_TRUE(got && *got);
  EXPECT_TRUE((*got)->peer.local);
  EXPECT_FALSE((*got)->peer.loopback);
  EXPECT_EQ((*got)->peer.pid, ::getpid());
  EXPECT_EQ((*got)->peer.uid, ::getuid());
}

TEST_F(ListenerTest, tcp_port_0_tells_the_port_it_took) {
  const auto listener = Listener::open(loop.get_executor(), *parse_address("127.0.0.1:0"));
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_NE(listener->address().port, 0);
  EXPECT_EQ(to_string(listener->address()), "127.0.0.1:" + std::to_string(listener->address().port));
}

TEST_F(ListenerTest, a_tcp_client_that_goes_without_a_word_will_be_noticed) {
  auto listener = Listener::open(loop.get_executor(), *parse_address("127.0.0.1:0"));
  ASSERT_TRUE(listener) << listener.error().message();
  std::optional<Result<Accepted>> got;
  TaskGroup group(loop.get_executor());
  group.spawn("accept", accept_into(&*listener, &got));
  asio::ip::tcp::socket client(loop);
  client.connect({asio::ip::make_address("127.0.0.1"), listener->address().port});
  loop.run_for(std::chrono::seconds(10));
  ASSERT_TRUE(got && *got);
  asio::socket_base::keep_alive probes;
  (*got)->socket.get_option(probes);
  EXPECT_TRUE(probes.value());
  EXPECT_FALSE((*got)->peer.local);
  EXPECT_TRUE((*got)->peer.loopback);
}

// A socket for both families says 127.0.0.1 in the form of the newer one.
TEST_F(ListenerTest, loopback_is_known_by_either_form) {
  for (const auto& [bound, from] :
       {std::pair{"[::ffff:127.0.0.1]:0", "127.0.0.1"}, {"[::1]:0", "::1"}, {"127.0.0.1:0", "127.0.0.1"}}) {
    auto listener = Listener::open(loop.get_executor(), *parse_address(bound));
    HOLDFAST_NEEDS("ipv6", listener.has_value(), "no IPv6 here: " + listener.error().message());
    std::optional<Result<Accepted>> got;
    TaskGroup group(loop.get_executor());
    group.spawn("accept", accept_into(&*listener, &got));
    asio::ip::tcp::socket client(loop);
    client.connect({asio::ip::make_address(from), listener->address().port});
    loop.restart();
    loop.run_for(std::chrono::seconds(10));
    ASSERT_TRUE(got && *got) << bound;
    EXPECT_TRUE((*got)->peer.loopback) << bound;
  }
}

}  // namespace
}  // namespace holdfast::net
