#include "net/address.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace holdfast::net {

Result<asio::generic::stream_protocol::endpoint> to_endpoint(const Address& address) {
  if (address.local) {
    if (address.path.size() > kLongestSocketPath) {
      return fail(Errc::invalid, "socket path longer than 107 bytes", address.path);
    }
    return asio::generic::stream_protocol::endpoint(asio::local::stream_protocol::endpoint(address.path));
  }
  boost::system::error_code bad;
  const auto ip = asio::ip::make_address(address.host, bad);
  if (bad) return fail(Errc::invalid, "IP address", address.host);
  return asio::generic::stream_protocol::endpoint(asio::ip::tcp::endpoint(ip, address.port));
}

}  // namespace holdfast::net
