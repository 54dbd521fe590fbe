// Where to listen or to connect: a unix socket or a TCP port.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"

namespace holdfast::net {

using Socket = asio::generic::stream_protocol::socket;

struct Address {
  bool local = false;      // a unix socket
  std::string path;        // local: its path
  std::string host;        // else: an IP address without brackets
  std::uint16_t port = 0;  // 0: any, when listening
};

// "unix:/path", "/path", "127.0.0.1:4653", "[::1]:4653", "localhost:80" (the IPv4 loopback). Names are not
// looked up. Errc::invalid, with what would be right.
Result<Address> parse_address(std::string_view text);
// The form that parse_address reads: "unix:/path", "127.0.0.1:80", "[::1]:80".
std::string to_string(const Address& address);
// Errc::invalid: a path too long for a socket, or no IP address.
Result<asio::generic::stream_protocol::endpoint> to_endpoint(const Address& address);

inline Address unix_address(std::string path) { return {.local = true, .path = std::move(path), .host = {}}; }

}  // namespace holdfast::net
