#include "net/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>

namespace holdfast::net {

namespace {

// One option of TCP's, as Asio wants it.
template <int kName>
class TcpOption {
 public:
  explicit TcpOption(int value) : value_(value) {}
  template <class P>
  [[nodiscard]] static int level(const P&) {
    return IPPROTO_TCP;
  }
  template <class P>
  [[nodiscard]] static int name(const P&) {
    return kName;
  }
  template <class P>
  [[nodiscard]] const int* data(const P&) const {
    return &value_;
  }
  template <class P>
  [[nodiscard]] static std::size_t size(const P&) {
    return sizeof(int);
  }

 private:
  int value_;
};

}  // namespace

void prepare(Socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(TcpOption<TCP_KEEPIDLE>(30), ignored);   // seconds
  socket.set_option(TcpOption<TCP_KEEPINTVL>(10), ignored);  // seconds
  socket.set_option(TcpOption<TCP_KEEPCNT>(3), ignored);
  socket.set_option(TcpOption<TCP_USER_TIMEOUT>(60'000), ignored);  // milliseconds
}

}  // namespace holdfast::net
