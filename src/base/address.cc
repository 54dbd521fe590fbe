#include "base/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace holdfast {

namespace {

bool is_ip(const std::string& host, bool six) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(six ? AF_INET6 : AF_INET, host.c_str(), bytes) == 1;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const auto wrong = [&](std::string_view what) { return fail(Errc::invalid, what, text); };
  if (text.starts_with("unix:")) {
    const auto path = text.substr(5);
    if (!path.starts_with('/')) return wrong("the path after unix: must be absolute");
    if (path.size() > kLongestSocketPath) return wrong("the path of a socket has at most 107 bytes");
    return unix_address(std::string(path));
  }
  Address address;
  constexpr std::string_view kTls = "https://", kClear = "http://";
  std::string_view rest = text;
  if ((address.tls = rest.starts_with(kTls)))
    rest.remove_prefix(kTls.size());
  else if (rest.starts_with(kClear))
    rest.remove_prefix(kClear.size());
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return wrong("the port is missing");
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  const bool six = host.starts_with('[') && host.ends_with(']');
  if (six) host = host.substr(1, host.size() - 2);
  address.host = host == "localhost" ? "127.0.0.1" : host;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size())
    return wrong("a port is a number from 0 to 65535");
  if (!is_ip(address.host, six)) return wrong("the host must be an IP address");
  return address;
}

bool is_exposed(const Address& address) {
  if (address.local) return false;
  in6_addr six{};
  if (::inet_pton(AF_INET6, address.host.c_str(), &six) == 1) return !IN6_IS_ADDR_LOOPBACK(&six);
  return !address.host.starts_with("127.");
}

std::string to_string(const Address& address) {
  if (address.local) return "unix:" + address.path;
  const bool six = address.host.find(':') != std::string::npos;
  const std::string scheme = address.tls ? "https://" : "";
  return scheme + (six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace holdfast
