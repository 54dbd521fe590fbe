// One HTTP request, as a handler gets it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/listener.h"

namespace holdfast::front {

struct Request {
  std::string method, target;  // target as sent: path and query
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  net::Peer peer;
  std::uint64_t connection = 0;  // unique while the server lives

  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;  // any case
  [[nodiscard]] std::string_view path() const;                                        // without the query
  // The query's keys and values, percent-decoded, in their order.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> queries() const;
  // The first value of that key; nullopt: not there.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
};

// Its headers that say something of the client itself (base/field_name.h).
std::vector<std::pair<std::string, std::string>> own_headers(const Request& request);

// "%41+b" -> "A b" (a plus is a space, as in queries); broken escapes stay as they are.
std::string percent_decode(std::string_view text);

}  // namespace holdfast::front
