// What an HTTP connection is read from and written to: a socket, or TLS over one. Internal to net.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/address.h"

namespace holdfast::net {

// Shared with its timer, which may fire after the connection went.
class Wire {
 public:
  explicit Wire(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}
  virtual ~Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Once the socket is connected. Errors: refused (the certificate, in words), closed, protocol.
  virtual asio::awaitable<Result<void>> shake_hands();
  virtual asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, boost::system::error_code& ec);
  // All of both.
  virtual asio::awaitable<void> write(std::array<asio::const_buffer, 2> all, boost::system::error_code& ec);
  void close() {
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  Socket socket;
  asio::steady_timer timer;
  bool timed_out = false;
};

// TLS from the client's side: the peer must show a certificate for `host` that the system's authorities
// (OpenSSL's default paths, SSL_CERT_FILE) vouch for.
std::shared_ptr<Wire> make_tls_wire(const asio::any_io_executor& executor, std::string host);

}  // namespace holdfast::net
