// The address of an HTTP endpoint, as it is written in a configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace holdfast {

struct Url {
  bool tls = false;
  std::string host = {};     // a name or an IP address, without brackets; empty: a unix socket
  std::uint16_t port = 0;    // 0: a unix socket
  std::string path = {};     // of the unix socket
  std::string target = "/";  // path and query, as they go into a request

  [[nodiscard]] std::string host_header() const;
  // Where it needs no look-up: a unix socket, an IP address, localhost (the IPv4 loopback).
  [[nodiscard]] std::optional<Address> address() const;
};

// "https://host[:port][/path][?query]", "http://…", "unix:/path/of/socket[:/path?query]" (else /mcp). A
// fragment is dropped (RFC 9110, 4.1). Errc::invalid; `op` says what is wrong with it: a scheme that is none
// of these, no host, credentials, a port that is none, blanks or control characters.
Result<Url> parse_url(std::string_view text);

}  // namespace holdfast
