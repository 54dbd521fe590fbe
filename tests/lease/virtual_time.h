// Time that stands still unless the test moves it, for this whole test program: its steady_clock and
// system_clock are ours (virtual_time.cc), and with them every deadline and every Asio timer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

namespace holdfast::test {

void pass(std::chrono::milliseconds time);

// Runs what is ready on `loop`, timers that are due included, until nothing is. How many handlers ran.
std::size_t settle(boost::asio::io_context& loop);

}  // namespace holdfast::test
