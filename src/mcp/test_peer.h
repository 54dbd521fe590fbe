// For this room's tests: a loop, and the far end of a stdio channel as a script sees it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "base/task_group.h"

namespace holdfast::mcp {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Runs `loop` until `done()`. False: not within five seconds.
template <class Done>
bool run_until(asio::io_context& loop, Done done) {
  const auto end = steady_clock::now() + 5s;
  while (!done()) {
    if (steady_clock::now() > end) return false;
    loop.restart();
    loop.run_one_for(5ms);
  }
  return true;
}

// Owns both pipes, as custody does; lends the near ends.
class Peer {
 public:
  explicit Peer(asio::io_context& loop)
      : loop_(loop), near_in_(owner_), far_out_(owner_), far_in_(owner_), near_out_(owner_) {
    connect(near_in_, far_out_);
    connect(far_in_, near_out_);
    far_in_.non_blocking(true);
    near_in_.native_non_blocking(true);
    near_out_.native_non_blocking(true);
  }

  [[nodiscard]] int in() { return near_in_.native_handle(); }    // for the channel to read
  [[nodiscard]] int out() { return near_out_.native_handle(); }  // for the channel to write

  // Blocks when the pipe is full, so no more than fits into one.
  void say(std::string_view text) {
    while (!text.empty()) text.remove_prefix(far_out_.write_some(asio::buffer(text)));
  }
  // The same of any length: runs the loop, which has to read.
  void say_long(std::string_view text) {
    far_out_.non_blocking(true);
    const auto end = steady_clock::now() + 30s;
    while (!text.empty() && steady_clock::now() < end) {
      boost::system::error_code ec;
      text.remove_prefix(far_out_.write_some(asio::buffer(text), ec));
      loop_.restart();
      loop_.run_one_for(1ms);
    }
    EXPECT_TRUE(text.empty());
  }
  // The next line that the channel wrote; "(nothing)" if none comes.
  std::string hear() {
    std::size_t end = std::string::npos;
    run_until(loop_, [&] {
      take();
      end = heard_.find('\n');
      return end != std::string::npos;
    });
    if (end == std::string::npos) return "(nothing)";
    std::string line = heard_.substr(0, end);
    heard_.erase(0, end + 1);
    return line;
  }
  // Nothing is waiting to be read, after everything that is due has run.
  bool silent() {
    loop_.restart();
    loop_.poll();
    take();
    return heard_.empty();
  }
  void close_output() { far_out_.close(); }
  void close_input() { far_in_.close(); }
  // The lent ends still work for their owner.
  bool ends_are_still_open() {
    near_out_.write_some(asio::buffer("x", 1));
    char c = 0;
    return far_in_.read_some(asio::buffer(&c, 1)) == 1;
  }

 private:
  using End = asio::posix::stream_descriptor;
  void connect(End& reading, End& writing) {
    asio::readable_pipe from(owner_);
    asio::writable_pipe to(owner_);
    asio::connect_pipe(from, to);
    reading.assign(from.release());
    writing.assign(to.release());
  }
  void take() {
    char chunk[65536];
    boost::system::error_code ec;
    while (const std::size_t n = far_in_.read_some(asio::buffer(chunk), ec)) heard_.append(chunk, n);
  }

  asio::io_context& loop_;
  asio::io_context owner_;  // another one: a loop watches a descriptor once
  End near_in_;
  End far_out_;
  End far_in_;
  End near_out_;
  std::string heard_;
};

}  // namespace holdfast::mcp
