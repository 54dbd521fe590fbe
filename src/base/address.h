// Where to listen or to connect: a unix socket or a TCP port. A value; net makes a socket of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

struct Address {
  bool local = false;      // a unix socket
  bool tls = false;        // else: what is said there is encrypted
  std::string path;        // local: its path
  std::string host;        // else: an IP address without brackets
  std::uint16_t port = 0;  // 0: any, when listening
};

// "unix:/path", "127.0.0.1:4653", "[::1]:4653", "localhost:80" (the IPv4 loopback), and with "https://" or
// "http://" before a port's. Names are not looked up.
// Errc::invalid; `op` says what is wrong with it.
Result<Address> parse_address(std::string_view text);
// Whether other machines could reach who listens there.
bool is_exposed(const Address& address);
// The form that parse_address reads.
std::string to_string(const Address& address);

inline Address unix_address(std::string path) { return {.local = true, .path = std::move(path), .host = {}}; }

inline constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un::sun_path with its zero

}  // namespace holdfast
