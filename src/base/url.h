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

// The URL that `reference` means where it stands in what came from `base`: a whole one, or a path, with or
// without a slash in front, or a query (RFC 3986, 5.2, but for dot segments, which stay). Errors as above.
Result<Url> resolve_url(const Url& base, std::string_view reference);

// Scheme, host and port are the same; or the unix socket.
bool same_origin(const Url& a, const Url& b);

}  // namespace holdfast
