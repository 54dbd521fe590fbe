#include "base/url.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

std::string show(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return std::string(url.error().op);
  const auto address = url->address();
  return (url->tls ? "tls " : "") + url->host_header() + " " + url->target +
         (address ? " " + to_string(*address) : "");
}

TEST(Url, says_where_to_connect_and_what_to_ask_for) {
  EXPECT_EQ(show("https://mcp.example.org/mcp"), "tls mcp.example.org /mcp");
  EXPECT_EQ(show("http://mcp.example.org"), "mcp.example.org /");
  EXPECT_EQ(show("https://mcp.example.org:8443?a=b#c"), "tls mcp.example.org:8443 /?a=b");
  EXPECT_EQ(show("http://127.0.0.1:80/a/b?c=/d"), "127.0.0.1 /a/b?c=/d 127.0.0.1:80");
  EXPECT_EQ(show("http://localhost:4653/mcp/x"), "localhost:4653 /mcp/x 127.0.0.1:4653");
  EXPECT_EQ(show("https://[::1]:9/x"), "tls [::1]:9 /x [::1]:9");
  EXPECT_EQ(show("https://[::1]"), "tls [::1] / [::1]:443");
  EXPECT_EQ(show("unix:/run/h.sock"), "localhost /mcp unix:/run/h.sock");
  EXPECT_EQ(show("unix:/run/h.sock:/mcp/x"), "localhost /mcp/x unix:/run/h.sock");
}

TEST(Url, what_is_none_is_refused_with_the_reason) {
  EXPECT_EQ(show(""), "it must begin with http://, https:// or unix:/");
  EXPECT_EQ(show("ftp://x"), "it must begin with http://, https:// or unix:/");
  EXPECT_EQ(show("HTTP:/x"), "it must begin with http://, https:// or unix:/");
  EXPECT_EQ(show("http://"), "it has no host");
  EXPECT_EQ(show("http:///mcp"), "it has no host");
  EXPECT_EQ(show("http://:80/"), "it has no host");
  EXPECT_EQ(show("http://[]:80/"), "it has no host");
  EXPECT_EQ(show("http://[::1/"), "the bracket of its host is not closed");
  EXPECT_EQ(show("https://u:p@h/"), "credentials belong into `headers`");
  EXPECT_EQ(show("http://h:0/"), "its port is no number from 1 to 65535");
  EXPECT_EQ(show("http://h:65536/"), "its port is no number from 1 to 65535");
  EXPECT_EQ(show("http://h:/"), "its port is no number from 1 to 65535");
  EXPECT_EQ(show("http://[::1]80/"), "its port is no number from 1 to 65535");
  EXPECT_EQ(show("http://h/a b"), "a blank or a control character stands in it");
  EXPECT_EQ(show("http://h/a\r\nX: y"), "a blank or a control character stands in it");
  EXPECT_EQ(show("unix:/" + std::string(200, 'x')), "the path of a socket has at most 107 bytes");
}

std::string resolved(std::string_view base, std::string_view reference) {
  const auto url = resolve_url(*parse_url(base), reference);
  if (!url) return std::string(url.error().op);
  return (url->tls ? "tls " : "") + url->host_header() + " " + url->target +
         (same_origin(*parse_url(base), *url) ? "" : " elsewhere");
}

TEST(Url, what_refers_to_it_is_read_from_where_it_stands) {
  constexpr const char* kBase = "http://h.example:81/a/sse?x=1";
  EXPECT_EQ(resolved(kBase, "/messages?session=7"), "h.example:81 /messages?session=7");
  EXPECT_EQ(resolved(kBase, "messages/?session=7#f"), "h.example:81 /a/messages/?session=7");
  EXPECT_EQ(resolved(kBase, "?session=7"), "h.example:81 /a/sse?session=7");
  EXPECT_EQ(resolved(kBase, "?to=http://x/"), "h.example:81 /a/sse?to=http://x/");
  EXPECT_EQ(resolved(kBase, ""), "h.example:81 /a/sse?x=1");
  EXPECT_EQ(resolved("http://h.example", "messages"), "h.example /messages");
  EXPECT_EQ(resolved(kBase, "http://H.example:81/m"), "H.example:81 /m");
  EXPECT_EQ(resolved("unix:/run/h.sock:/sse", "/messages"), "localhost /messages");
}

TEST(Url, what_refers_to_another_scheme_host_or_port_is_of_another_origin) {
  constexpr const char* kBase = "https://h.example/sse";
  EXPECT_EQ(resolved(kBase, "https://h.example:443/m"), "tls h.example /m");
  EXPECT_EQ(resolved(kBase, "http://h.example:443/m"), "h.example:443 /m elsewhere");
  EXPECT_EQ(resolved(kBase, "https://h.example:8443/m"), "tls h.example:8443 /m elsewhere");
  EXPECT_EQ(resolved(kBase, "//evil.example/m"), "tls evil.example /m elsewhere");
  EXPECT_EQ(resolved(kBase, "https://h.example@evil.example/m"), "credentials belong into `headers`");
  EXPECT_EQ(resolved(kBase, "unix:/run/h.sock:/m"), "localhost /m elsewhere");
  EXPECT_EQ(resolved("unix:/run/h.sock", "http://localhost/m"), "localhost /m elsewhere");
  EXPECT_EQ(resolved(kBase, "mailto:x"), "it must begin with http://, https:// or unix:/");
  EXPECT_EQ(resolved(kBase, "/m\r\nX: y"), "a blank or a control character stands in it");
}

}  // namespace
}  // namespace holdfast
