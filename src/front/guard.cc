#include "front/guard.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/core/string.hpp>

#include "base/field_name.h"
#include "base/mutant.h"

namespace holdfast::front {

namespace {

using boost::beast::iequals;

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "[::1]:80" -> "[::1]". Empty: no authority without a user.
std::string_view host_of(std::string_view authority) {
  const auto colon = authority.ends_with(']') ? std::string_view::npos : authority.rfind(':');
  if (colon == std::string_view::npos) return authority;
  return is_port(authority.substr(colon + 1)) ? authority.substr(0, colon) : std::string_view();
}

// nullopt: a name, or nothing at all.
std::optional<asio::ip::address> number_in(std::string_view host) {
  const bool six = host.starts_with('[') && host.ends_with(']');
  if (six) host = host.substr(1, host.size() - 2);
  if (host.find('%') != std::string_view::npos) return std::nullopt;  // a zone
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(std::string(host), ec);
  if (ec || address.is_v6() != six) return std::nullopt;
  return address;
}

std::optional<asio::ip::address> number_of(const Address& bound) {
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(bound.host, ec);
  if (ec || bound.local) return std::nullopt;
  return address;
}

bool names_us(std::string_view authority, const Address& bound) {
  const std::string_view host = host_of(authority);
  if (iequals(host, "localhost")) return true;
  const auto address = number_in(host);
  if (!address) return false;
  return address->is_loopback() || (!address->is_unspecified() && address == number_of(bound));
}

// Whoever listens on all addresses has several numbers. A number is no name that a page could have turned
// to us: a browser that says it was sent to it, and says the page's Origin if that was another's.
bool is_one_of_all(std::string_view authority, const Address& bound) {
  const auto ours = number_of(bound), address = number_in(host_of(authority));
  return ours && ours->is_unspecified() && address && !address->is_unspecified();
}

bool is_ours(std::string_view origin, const Address& bound) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (iequals(origin.substr(0, scheme.size()), scheme))
      return names_us(origin.substr(scheme.size()), bound);
  }
  return false;
}

}  // namespace

std::optional<std::string> foreign(const Request& request, const Address& bound, bool any_host) {
  if (kSwitchedOff == Mechanism::foreign_pages) return std::nullopt;
  int hosts = 0;
  for (const auto& [name, value] : request.headers) {
    if (same_field(name, "Origin") && !is_ours(value, bound))
      return "Origin is not of this machine: " + value;
    if (bound.local || !same_field(name, "Host")) continue;
    ++hosts;
    if (!any_host && !names_us(value, bound) && !is_one_of_all(value, bound))
      return "Host does not name this machine: " + value;
  }
  if (!bound.local && hosts != 1) return "one Host is needed";
  return std::nullopt;
}

}  // namespace holdfast::front
