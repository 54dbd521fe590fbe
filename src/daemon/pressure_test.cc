#include "daemon/pressure.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace holdfast::daemon {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

// Urgent data of a socket raises POLLPRI as the kernel's trigger does, and when we please.
TEST(Pressure, is_answered_each_time_and_only_then) {
  asio::io_context loop;
  tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket sender(loop);
  sender.connect(acceptor.local_endpoint());
  tcp::socket receiver = acceptor.accept();
  int answered = 0;
  TaskGroup group(loop.get_executor());
  group.spawn("pressure", on_pressure(UniqueFd(receiver.release()), [&answered] { ++answered; }));
  (void)sender.send(asio::buffer("x", 1));
  loop.run_for(50ms);
  EXPECT_EQ(answered, 0) << "ordinary data is no pressure";
  for (int i = 1; i <= 3; ++i) {
    (void)sender.send(asio::buffer("!", 1), tcp::socket::message_out_of_band);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (answered < i && std::chrono::steady_clock::now() < deadline) loop.run_one_until(deadline);
    EXPECT_EQ(answered, i);
  }
  group.cancel();
  loop.run_for(100ms);
  EXPECT_EQ(group.running(), 0U);
}

}  // namespace
}  // namespace holdfast::daemon
