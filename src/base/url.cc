#include "base/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace holdfast {

namespace {

constexpr std::uint16_t kHttp = 80, kHttps = 443;

Result<Url> parse_unix(std::string_view rest, std::string_view text) {
  Url url;
  const auto colon = rest.find(":/");
  url.path = rest.substr(0, colon);
  url.target = colon == std::string_view::npos ? "/mcp" : std::string(rest.substr(colon + 1));
  if (auto checked = parse_address("unix:" + url.path); !checked)
    return fail(Errc::invalid, checked.error().op, text);
  return url;
}

bool has_unprintable(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

// "mailto:", "http:": what stands before a reference's own path makes it a whole one.
bool has_scheme(std::string_view reference) {
  const auto colon = reference.find(':');
  return colon != std::string_view::npos && colon < reference.find_first_of("/?#");
}

}  // namespace

std::string Url::host_header() const {
  if (host.empty()) return "localhost";
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return port == (tls ? kHttps : kHttp) ? name : name + ":" + std::to_string(port);
}

std::optional<Address> Url::address() const {
  if (host.empty()) return unix_address(path);
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  const auto parsed = parse_address(name + ":" + std::to_string(port));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [&](std::string_view what) { return fail(Errc::invalid, what, text); };
  if (has_unprintable(text)) return wrong("a blank or a control character stands in it");
  const std::string_view whole = text.substr(0, text.find('#'));
  if (whole.starts_with("unix:/")) return parse_unix(whole.substr(5), text);
  Url url;
  url.tls = whole.starts_with("https://");
  if (!url.tls && !whole.starts_with("http://"))
    return wrong("it must begin with http://, https:// or unix:/");
  std::string_view rest = whole.substr(url.tls ? 8 : 7);
  const auto slash = rest.find_first_of("/?");
  if (slash != std::string_view::npos) {
    url.target = (rest[slash] == '?' ? "/" : "") + std::string(rest.substr(slash));
    rest = rest.substr(0, slash);
  }
  if (rest.contains('@')) return wrong("credentials belong into `headers`");
  const bool six = rest.starts_with('[');
  const auto end = six ? rest.find(']') : rest.find(':');
  if (six && end == std::string_view::npos) return wrong("the bracket of its host is not closed");
  url.host = six ? rest.substr(1, end - 1) : rest.substr(0, end);
  if (url.host.empty()) return wrong("it has no host");
  url.port = url.tls ? kHttps : kHttp;
  std::string_view port =
      end == std::string_view::npos ? std::string_view() : rest.substr(end + (six ? 1 : 0));
  if (port.empty()) return url;
  const auto [stop, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  if (port.front() != ':' || error != std::errc() || stop != port.data() + port.size() || url.port == 0)
    return wrong("its port is no number from 1 to 65535");
  return url;
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  if (has_scheme(reference)) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url((base.tls ? "https:" : "http:") + std::string(reference));
  if (has_unprintable(reference))
    return fail(Errc::invalid, "a blank or a control character stands in it", reference);
  const std::string_view own = reference.substr(0, reference.find('#'));
  const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
  Url url = base;
  if (own.starts_with('/'))
    url.target = own;
  else if (own.starts_with('?'))
    url.target = std::string(path).append(own);
  else if (!own.empty())
    url.target = std::string(path.substr(0, path.rfind('/') + 1)).append(own);
  return url;
}

bool same_origin(const Url& a, const Url& b) {
  const auto same_letter = [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  };
  return a.tls == b.tls && a.port == b.port && a.path == b.path &&
         std::ranges::equal(a.host, b.host, same_letter);
}

}  // namespace holdfast
