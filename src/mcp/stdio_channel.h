// Lines over two lent descriptors: a server's stdout and stdin.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "mcp/channel.h"

namespace holdfast::mcp {

struct StdioChannelOptions {
  std::size_t line_limit = 64U << 20;    // bytes; a longer line is skipped in bounded memory and reported
  std::size_t queue_limit = 128U << 20;  // bytes that may wait to be written
};

// `in` and `out` are two different pipes or sockets, non-blocking, and stay their owner's: they are never
// closed here, and no longer used after stop_writing() (out) and release() or destruction (both). Ignores
// SIGPIPE for the process, unless it is handled already.
std::unique_ptr<Channel> make_stdio_channel(const asio::any_io_executor& executor, int in, int out,
                                            const StdioChannelOptions& options);

}  // namespace holdfast::mcp
