#include "net/wire.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace holdfast::net {

using boost::system::error_code;

asio::awaitable<Result<void>> Wire::shake_hands() { co_return Result<void>{}; }

asio::awaitable<std::size_t> Wire::read_some(asio::mutable_buffer into, error_code& ec) {
  co_return co_await socket.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<void> Wire::write(std::array<asio::const_buffer, 2> all, error_code& ec) {
  co_await asio::async_write(socket, all, asio::redirect_error(asio::use_awaitable, ec));
}

}  // namespace holdfast::net
