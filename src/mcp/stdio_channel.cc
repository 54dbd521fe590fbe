#include "mcp/stdio_channel.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <deque>
#include <new>

#include "mcp/line_buffer.h"
#include "os/signals.h"

namespace holdfast::mcp {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kGathered = 64;  // lines of one write
// A server that dies breaks both pipes; its last words in the other one are worth this wait.
constexpr auto kLastWords = 200ms;

Error broken(std::string_view op, const error_code& ec) {
  if (ec == asio::error::eof) return Error{make_error_code(Errc::closed), op, "the server closed its output"};
  if (ec == asio::error::broken_pipe)
    return Error{make_error_code(Errc::closed), op, "the server closed its input"};
  return Error{make_error_code(Errc::closed), op, std::string_view(ec.message())};
}

// Shared with the coroutines, so that an event may destroy the channel.
struct Pipe {
  Pipe(const asio::any_io_executor& executor, const StdioChannelOptions& o)
      : options(o),
        in(executor),
        out(executor),
        lines(o.line_limit),
        more(executor),
        drained(executor),
        input_ended(executor) {
    drained.set();
  }

  StdioChannelOptions options;
  asio::posix::stream_descriptor in;
  asio::posix::stream_descriptor out;
  Channel::Events events;
  LineBuffer lines;
  std::deque<std::string> queue;
  std::size_t queued = 0;   // bytes in `queue`
  std::size_t written = 0;  // of queue.front()
  Event more;               // the queue is not empty, or writing is over
  Event drained;            // the queue is empty, or writing is over
  Event input_ended;
  bool can_write = true;
  bool told_closed = false;

  void end_writing() {
    can_write = false;
    if (out.is_open()) out.release();
    queue.clear();
    queued = written = 0;
    more.set();
    drained.set();
  }
  void let_go() {
    told_closed = true;
    end_writing();
    if (in.is_open()) in.release();
    input_ended.set();
  }
  // The last thing told; nothing here may be touched after it but by a shared owner.
  void close(const Error& why) {
    if (told_closed) return;
    let_go();
    if (events.closed) events.closed(why);
  }
  // Takes `bytes` from the queue.
  void wrote(std::size_t bytes) {
    queued -= bytes;
    bytes += written;
    while (!queue.empty() && bytes >= queue.front().size()) {
      bytes -= queue.front().size();
      queue.pop_front();
    }
    written = bytes;
    if (!queue.empty()) return;
    more.clear();
    drained.set();
  }
  std::vector<asio::const_buffer> gathered() const {
    std::vector<asio::const_buffer> buffers;
    buffers.reserve(std::min(queue.size(), kGathered));
    std::size_t skip = written;
    for (const std::string& line : queue) {
      if (buffers.size() == kGathered) break;
      buffers.emplace_back(line.data() + skip, line.size() - skip);
      skip = 0;
    }
    return buffers;
  }
};

void tell_lines(Pipe& pipe) {
  while (!pipe.told_closed) {
    if (const auto line = pipe.lines.next()) {
      pipe.events.line(*line);
    } else if (const auto report = pipe.lines.skipped()) {
      pipe.events.oversized(*report);
    } else {
      return;
    }
  }
}

// Pipe::let_go() ends both coroutines. A cancellation signal must not reach them: between release() and the
// waking of an interrupted operation it would follow a pointer into the descriptor's past (Boost 1.81).
asio::awaitable<void> deaf_to_signals() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
}

asio::awaitable<void> read_all_lines(std::shared_ptr<Pipe> pipe) {
  while (!pipe->told_closed) {
    const auto room = pipe->lines.room();
    const auto [ec, bytes] =
        co_await pipe->in.async_read_some(asio::buffer(room.data(), room.size()), use_tuple);
    if (pipe->told_closed) co_return;
    if (ec) {
      pipe->close(broken("read", ec));
      co_return;
    }
    pipe->lines.filled(bytes);
    tell_lines(*pipe);
  }
}

// How long a line is, the server decides: one that there is no memory for costs it its channel, and nobody
// else anything.
asio::awaitable<void> read_lines(std::shared_ptr<Pipe> pipe) {
  co_await deaf_to_signals();
  try {
    co_await read_all_lines(pipe);
    co_return;
  } catch (const std::bad_alloc&) {
  }
  pipe->close(Error{make_error_code(Errc::closed), "read", "there is no memory for what the server sends"});
}

asio::awaitable<void> write_lines(std::shared_ptr<Pipe> pipe) {
  co_await deaf_to_signals();
  while (pipe->can_write) {
    if (pipe->queue.empty()) {
      co_await pipe->more.wait_until(steady_clock::time_point::max());
      continue;
    }
    const auto buffers = pipe->gathered();
    const auto [ec, bytes] = co_await pipe->out.async_write_some(buffers, use_tuple);
    if (!pipe->can_write) co_return;
    if (!ec) {
      pipe->wrote(bytes);
      continue;
    }
    pipe->end_writing();
    co_await pipe->input_ended.wait_until(steady_clock::now() + kLastWords);
    pipe->close(broken("write", ec));
  }
}

class StdioChannel final : public Channel {
 public:
  StdioChannel(const asio::any_io_executor& executor, int in, int out, const StdioChannelOptions& options)
      : pipe_(std::make_shared<Pipe>(executor, options)), tasks_(executor), in_(in), out_(out) {
    os::ignore_signal(SIGPIPE);  // otherwise writing to a server that has just died would end the gateway
  }
  ~StdioChannel() override { release(); }

  void start(Events events) override {
    pipe_->events = std::move(events);
    error_code ec;
    pipe_->in.assign(in_, ec);
    if (!ec) pipe_->out.assign(out_, ec);
    if (!ec) pipe_->out.non_blocking(true, ec);
    if (ec) {
      pipe_->can_write = false;
      tasks_.spawn("mcp.broken", say_broken(pipe_, ec));
      return;
    }
    tasks_.spawn("mcp.read", read_lines(pipe_));
    tasks_.spawn("mcp.write", write_lines(pipe_));
  }

  Result<void> send(std::string line) override {
    if (!pipe_->can_write) return fail(Errc::closed, "send", "the channel is closed");
    if (pipe_->queued + line.size() + 1 > pipe_->options.queue_limit)
      return fail(Errc::limit, "send", "the server does not read: too much waits to be written");
    line.push_back('\n');
    std::size_t written = 0;
    // Most lines fit into the pipe at once: that saves a turn of the loop.
    if (pipe_->queue.empty() && pipe_->out.is_open()) {
      error_code ec;
      written = pipe_->out.write_some(asio::buffer(line), ec);
      if (ec) written = 0;  // not now, or broken: the writer finds out
      if (written == line.size()) return {};
    }
    pipe_->queued += line.size() - written;
    if (pipe_->queue.empty()) pipe_->written = written;
    pipe_->queue.push_back(std::move(line));
    pipe_->drained.clear();
    pipe_->more.set();
    return {};
  }

  asio::awaitable<bool> flush(steady_clock::time_point deadline) override {
    return flush_on(pipe_, deadline);
  }
  void stop_writing() override { pipe_->end_writing(); }
  void release() override {
    pipe_->let_go();
    tasks_.cancel();
  }
  [[nodiscard]] bool writable() const override { return pipe_->can_write; }

 private:
  static asio::awaitable<bool> flush_on(std::shared_ptr<Pipe> pipe, steady_clock::time_point deadline) {
    const bool empty = co_await pipe->drained.wait_until(deadline);
    co_return empty && pipe->can_write;
  }
  static asio::awaitable<void> say_broken(std::shared_ptr<Pipe> pipe, error_code ec) {
    pipe->close(broken("watch", ec));
    co_return;
  }

  std::shared_ptr<Pipe> pipe_;
  TaskGroup tasks_;
  int in_;
  int out_;
};

}  // namespace

std::unique_ptr<Channel> make_stdio_channel(const asio::any_io_executor& executor, int in, int out,
                                            const StdioChannelOptions& options) {
  return std::make_unique<StdioChannel>(executor, in, out, options);
}

}  // namespace holdfast::mcp
