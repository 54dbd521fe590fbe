#include "net/address.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <charconv>

namespace holdfast::net {

namespace {
constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un::sun_path with its zero
}

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with("unix:")) text.remove_prefix(5);
  if (text.starts_with('/')) return unix_address(std::string(text));
  const auto wrong = [&] {
    return fail(Errc::invalid, "address (HOST:PORT, [IPV6]:PORT or unix:/PATH)", text);
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  Address address;
  address.host = host;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return wrong();
  boost::system::error_code bad;
  asio::ip::make_address(address.host, bad);
  if (bad) return wrong();
  return address;
}

std::string to_string(const Address& address) {
  if (address.local) return "unix:" + address.path;
  const bool six = address.host.find(':') != std::string::npos;
  return (six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

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
