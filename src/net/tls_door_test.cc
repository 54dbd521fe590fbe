#include "net/tls_door.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fstream>

#include "base/test_support.h"
#include "net/tls_testing.h"

namespace holdfast::net {
namespace {

namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

asio::awaitable<std::string> read_once(auto& stream, error_code& ec) {
  std::string text(64, '\0');
  const std::size_t n =
      co_await stream.async_read_some(asio::buffer(text), asio::redirect_error(asio::use_awaitable, ec));
  text.resize(n);
  co_return text;
}

asio::awaitable<error_code> say(auto& stream, std::string_view text) {
  error_code ec;
  co_await asio::async_write(stream, asio::buffer(text), asio::redirect_error(asio::use_awaitable, ec));
  co_return ec;
}

// A client that trusts one certificate, and what the door gave for it.
struct Client {
  Client(asio::io_context& loop, const std::string& trusted)
      : context(ssl::context::tls_client), stream(prepared(context, trusted, loop)) {}
  static ssl::stream<tcp::socket> prepared(ssl::context& context, const std::string& trusted,
                                           asio::io_context& loop) {
    context.load_verify_file(trusted);
    context.set_verify_mode(ssl::verify_peer);
    return {loop, context};
  }
  asio::awaitable<error_code> shake_hands(const std::string& name) {
    stream.set_verify_callback(ssl::host_name_verification(name));
    error_code ec;
    co_await stream.async_handshake(ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
    co_return ec;
  }
  ssl::context context;
  ssl::stream<tcp::socket> stream;
};

struct TlsDoorTest : testing::Test {
  holdfast::test::TempDir folder;
  asio::io_context loop{1};
  tcp::acceptor acceptor{loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  TlsFiles files = test::self_signed(folder.path(), "here.test");
  std::unique_ptr<TlsDoor> door;

  void open(TlsDoorOptions options = {}) {
    auto made = TlsDoor::create(loop.get_executor(), files, options);
    ASSERT_TRUE(made) << made.error().message();
    door = std::move(*made);
  }
  // `outside` connected, and the inside of it.
  Socket admitted(tcp::socket& outside) {
    outside.connect(acceptor.local_endpoint());
    auto inside = door->admit(Socket(acceptor.accept()));
    if (!inside) throw std::runtime_error(inside.error().message());
    return std::move(*inside);
  }
  auto wait_for(auto task) { return holdfast::test::wait_for(loop, std::move(task)); }
  asio::awaitable<bool> none_is_left() {
    while (door->connections() > 0) co_await asio::post(loop, asio::use_awaitable);
    co_return true;
  }
  std::string message_of(const TlsFiles& wrong) {
    const auto made = TlsDoor::create(loop.get_executor(), wrong, {});
    return made ? "" : made.error().message();
  }
};

TEST_F(TlsDoorTest, what_is_said_outside_is_read_inside_and_back) {
  open();
  Client client(loop, files.certificate);
  constexpr std::array<unsigned char, 12> kOffered{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_set_alpn_protos(client.stream.native_handle(), kOffered.data(), kOffered.size());
  Socket inside = admitted(client.stream.next_layer());
  EXPECT_EQ(wait_for(client.shake_hands("here.test")), error_code());
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(client.stream.native_handle(), &protocol, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(protocol), size), "http/1.1");
  error_code ec;
  EXPECT_EQ(wait_for(say(client.stream, "question")), error_code());
  EXPECT_EQ(wait_for(read_once(inside, ec)), "question");
  EXPECT_EQ(wait_for(say(inside, "answer")), error_code());
  EXPECT_EQ(wait_for(read_once(client.stream, ec)), "answer");
}

TEST_F(TlsDoorTest, the_name_and_who_vouches_for_it_are_the_client_s_to_check) {
  open();
  Client elsewhere(loop, files.certificate),
      stranger(loop, test::self_signed(folder.path(), "other").certificate);
  Socket first = admitted(elsewhere.stream.next_layer()), second = admitted(stranger.stream.next_layer());
  EXPECT_NE(wait_for(elsewhere.shake_hands("elsewhere.test")), error_code());
  EXPECT_NE(wait_for(stranger.shake_hands("here.test")), error_code());
}

TEST_F(TlsDoorTest, an_end_inside_is_a_clean_end_outside) {
  open();
  Client client(loop, files.certificate);
  Socket inside = admitted(client.stream.next_layer());
  ASSERT_EQ(wait_for(client.shake_hands("here.test")), error_code());
  ASSERT_EQ(wait_for(say(inside, "last")), error_code());
  inside.close();
  error_code ec;
  EXPECT_EQ(wait_for(read_once(client.stream, ec)), "last");
  EXPECT_EQ(wait_for(read_once(client.stream, ec)), "");
  EXPECT_EQ(ec, asio::error::eof);  // and not stream_truncated: the client knows that this was all
}

TEST_F(TlsDoorTest, a_client_that_is_gone_is_an_end_inside) {
  open();
  Client client(loop, files.certificate);
  Socket inside = admitted(client.stream.next_layer());
  ASSERT_EQ(wait_for(client.shake_hands("here.test")), error_code());
  client.stream.next_layer().close();
  error_code ec;
  EXPECT_EQ(wait_for(read_once(inside, ec)), "");
  EXPECT_EQ(ec, asio::error::eof);
  EXPECT_EQ(door->connections(), 1U);  // whoever serves it has not let go yet
  inside.close();
  EXPECT_TRUE(wait_for(none_is_left()));
}

TEST_F(TlsDoorTest, who_does_not_shake_hands_in_time_is_let_go) {
  open({.handshake = milliseconds(20)});
  tcp::socket client(loop);
  Socket inside = admitted(client);
  error_code ec;
  EXPECT_EQ(wait_for(read_once(client, ec)), "");
  EXPECT_TRUE(ec);
  EXPECT_EQ(wait_for(read_once(inside, ec)), "");
  EXPECT_EQ(ec, asio::error::eof);
}

TEST_F(TlsDoorTest, who_is_let_go_inside_before_the_handshake_is_let_go_outside_at_once) {
  open();
  tcp::socket client(loop);
  Socket inside = admitted(client);
  inside.close();
  error_code ec;
  EXPECT_EQ(wait_for(read_once(client, ec)), "");
  EXPECT_TRUE(ec);
  EXPECT_TRUE(wait_for(none_is_left()));
}

TEST_F(TlsDoorTest, who_speaks_in_clear_text_is_let_go) {
  open();
  tcp::socket client(loop);
  Socket inside = admitted(client);
  EXPECT_EQ(wait_for(say(client, "GET / HTTP/1.1\r\n\r\n")), error_code());
  error_code ec;
  EXPECT_EQ(wait_for(read_once(inside, ec)), "");
  EXPECT_EQ(ec, asio::error::eof);
}

TEST_F(TlsDoorTest, who_reads_too_slowly_is_let_go) {
  open({.write = milliseconds(50)});
  Client client(loop, files.certificate);
  Socket inside = admitted(client.stream.next_layer());
  ASSERT_EQ(wait_for(client.shake_hands("here.test")), error_code());
  const std::string much(64U << 20, 'x');  // far more than the kernel keeps
  EXPECT_NE(wait_for(say(inside, much)), error_code());
}

TEST_F(TlsDoorTest, a_renewed_certificate_is_for_connections_to_come) {
  open();
  const auto renewed = test::self_signed(folder.path(), "renewed.test");
  Client before(loop, files.certificate), after(loop, renewed.certificate);
  Socket first = admitted(before.stream.next_layer());
  ASSERT_EQ(wait_for(before.shake_hands("here.test")), error_code());
  ASSERT_TRUE(door->renew(renewed));
  Socket second = admitted(after.stream.next_layer());
  EXPECT_EQ(wait_for(after.shake_hands("renewed.test")), error_code());
  error_code ec;
  ASSERT_EQ(wait_for(say(before.stream, "still here")), error_code());
  EXPECT_EQ(wait_for(read_once(first, ec)), "still here");
}

TEST_F(TlsDoorTest, files_that_are_no_use_change_nothing) {
  open();
  EXPECT_FALSE(door->renew({.certificate = files.certificate, .key = folder.path() / "none"}));
  Client client(loop, files.certificate);
  Socket inside = admitted(client.stream.next_layer());
  EXPECT_EQ(wait_for(client.shake_hands("here.test")), error_code());
}

TEST_F(TlsDoorTest, files_that_are_no_use_are_named) {
  const auto other = test::self_signed(folder.path(), "other");
  const std::string none = folder.path() / "none", garbage = folder.path() / "garbage";
  std::ofstream(garbage) << "no PEM";
  EXPECT_EQ(message_of({none, files.key}), none + ": No such file or directory");
  EXPECT_TRUE(message_of({garbage, files.key}).starts_with(garbage + ": "))
      << message_of({garbage, files.key});
  EXPECT_TRUE(message_of({files.certificate, none}).starts_with(none + ": "));
  EXPECT_TRUE(message_of({files.certificate, other.key}).starts_with(other.key + ": "));  // does not fit
}

}  // namespace
}  // namespace holdfast::net
