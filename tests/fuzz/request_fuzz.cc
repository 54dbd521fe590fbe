// Whatever a client sends: the envelope agrees with a full JSON reader, what is passed on to a server is one
// line of JSON, a query's values come back from their percent spelling, and an address from its own.
#include <nlohmann/json.hpp>
#include <string>

#include "base/address.h"
#include "front/envelope.h"
#include "front/http_server.h"
#include "fuzz.h"
#include "net/address.h"

namespace {

using namespace holdfast;
using fuzz::require;
using nlohmann::json;

void check_envelope(const std::string& text) {
  using Kind = front::Envelope::Kind;
  const auto envelope = front::read_envelope(text);
  const auto full = json::parse(text, nullptr, false);
  if (envelope.kind == Kind::garbage || envelope.kind == Kind::invalid)
    return require(!envelope.problem.empty(), "a refusal without a reason");
  if (full.is_discarded()) return;  // a number too large for a double, which is JSON all the same
  if (envelope.kind == Kind::batch) return require(full.is_array(), "a batch that is none");
  require(full.is_object() && full.value("jsonrpc", json()) == "2.0", "no JSON-RPC");
  const bool asks = envelope.kind == Kind::request || envelope.kind == Kind::notification;
  require(asks == full.contains("method"), "a method");
  if (asks) require(full["method"] == envelope.method, "two readers of a method disagree");
  require(envelope.kind != Kind::request || !envelope.id.empty(), "a request without an id");
  if (!envelope.id.empty()) require(json::parse(envelope.id) == full["id"], "two readers of an id disagree");
  require(envelope.params.find_first_of("\r\n") == std::string::npos, "more than one line");
  if (!envelope.params.empty())
    require(json::parse(envelope.params) == full["params"], "two readers of params disagree");
}

std::string percent(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return out;
}

void check_query(const std::string& text) {
  require(front::percent_decode(percent(text)) == text, "percent");
  require(front::percent_decode(text).size() <= text.size(), "a decoding that grows");
  const std::string name = text.substr(0, text.size() / 2), value = text.substr(text.size() / 2);
  front::Request request;
  request.target =
      "/p?" + percent(name + "x") + "=no&" + percent(name) + "=" + percent(value) + "&" + percent(name);
  require(request.path() == "/p", "a path");
  require(request.query(name) == value, "a query's value");
  request.target = text;
  request.headers = {{"x-" + name, value}};
  require(request.target.starts_with(request.path()), "a path that is not in its target");
  (void)request.query(name);
  require(request.header("X-" + name) == value, "a header");
}

void check_address(const std::string& text) {
  const auto address = parse_address(text);
  if (!address) return;
  const auto again = parse_address(to_string(*address));
  require(again && to_string(*again) == to_string(*address), "an address that reads otherwise");
  require(again->local == address->local && again->path == address->path && again->port == address->port &&
              again->host == address->host,
          "another address");
  require(net::to_endpoint(*address).has_value() || (address->local && address->path.size() > 107),
          "an endpoint");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::input = text;
  check_envelope(text);
  check_query(text);
  check_address(text);
  return 0;
}
