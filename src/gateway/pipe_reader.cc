#include "gateway/pipe_reader.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace holdfast::gateway {

namespace {

// A pipe holds 64 KiB unless somebody made it larger: what a last look takes, and what one turn of the loop
// gives to one server, so that a flood of one delays nobody.
constexpr int kReadsAtOnce = 16;

}  // namespace

struct PipeReader::Pipe {
  Pipe(const asio::any_io_executor& executor, std::function<void(std::string_view)> s)
      : stream(executor), sink(std::move(s)), ended(executor) {}
  asio::posix::stream_descriptor stream;
  std::function<void(std::string_view)> sink;
  Event ended;

  // False: nothing more will ever come.
  bool take() {
    std::array<char, 4096> buffer;
    for (int i = 0; i < kReadsAtOnce; ++i) {
      boost::system::error_code ec;
      const std::size_t n = stream.read_some(asio::buffer(buffer), ec);
      if (n > 0) sink({buffer.data(), n});
      if (ec) return ec == asio::error::would_block || ec == asio::error::try_again;
    }
    return true;
  }

  // Waits for readiness and reads then, so that no bytes are under way in an operation when stop() comes. A
  // cancellation signal must not reach it: between release() and the waking of an interrupted wait it would
  // follow a pointer into the descriptor's past (Boost 1.81).
  static asio::awaitable<void> read_all(std::shared_ptr<Pipe> pipe) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    for (boost::system::error_code ec; !ec && pipe->stream.is_open();) {
      co_await pipe->stream.async_wait(asio::posix::stream_descriptor::wait_read,
                                       asio::redirect_error(asio::use_awaitable, ec));
      if (ec || !pipe->stream.is_open() || !pipe->take()) break;
    }
    pipe->ended.set();
  }
  static asio::awaitable<void> wait_end(std::shared_ptr<Pipe> pipe,
                                        std::chrono::steady_clock::time_point deadline) {
    (void)co_await pipe->ended.wait_until(deadline);
  }
};

PipeReader::PipeReader(const asio::any_io_executor& executor, int fd,
                       std::function<void(std::string_view)> sink)
    : pipe_(std::make_shared<Pipe>(executor, std::move(sink))) {
  if (fd < 0) return;
  boost::system::error_code ec;
  pipe_->stream.assign(fd, ec);
  if (!ec) pipe_->stream.non_blocking(true, ec);
}

asio::awaitable<void> PipeReader::run() { return Pipe::read_all(pipe_); }

asio::awaitable<void> PipeReader::wait_end(std::chrono::steady_clock::time_point deadline) {
  return Pipe::wait_end(pipe_, deadline);
}

void PipeReader::stop() {
  if (!pipe_->stream.is_open()) return;
  (void)pipe_->take();
  (void)pipe_->stream.release();
  pipe_->ended.set();
}

}  // namespace holdfast::gateway
