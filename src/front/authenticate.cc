#include "front/authenticate.h"

#include <boost/beast/core/string.hpp>

#include "base/field_name.h"
#include "front/mcp_endpoint.h"
#include "gateway/token.h"
#include "mcp/message.h"

namespace holdfast::front {
namespace {

using boost::beast::iequals;
using config::Anonymous;

bool has_token_in_query(const Request& request) {
  for (const auto& [key, value] : request.queries())
    if (iequals(key, "access_token") || value.starts_with(gateway::kTokenPrefix)) return true;
  return false;
}

Response refusal(unsigned status, std::string challenge, std::string_view why, const std::string& id = {}) {
  Response response = rpc_error(status, id, mcp::kServerError, why);
  response.headers.emplace_back("WWW-Authenticate", std::move(challenge));
  return response;
}

Response invalid_request(std::string_view why) {
  return refusal(400, R"(Bearer error="invalid_request")", why);
}

// What follows "Bearer"; nullopt: another scheme.
std::optional<std::string_view> bearer_of(std::string_view credentials) {
  static constexpr std::string_view kScheme = "Bearer ";
  if (!iequals(credentials.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  credentials.remove_prefix(kScheme.size());
  credentials.remove_prefix(std::min(credentials.find_first_not_of(' '), credentials.size()));
  return credentials;
}

bool admits(Anonymous anonymous, const net::Peer& peer) {
  if (anonymous == Anonymous::everywhere) return true;
  return anonymous == Anonymous::loopback && (peer.local || peer.loopback);
}

}  // namespace

Response invalid_token(std::string_view why, const std::string& id) {
  return refusal(401, "Bearer error=\"invalid_token\", error_description=\"" + std::string(why) + "\"", why,
                 id);
}

std::expected<gateway::PrincipalPtr, Response> authenticate(const Request& request,
                                                            const Admission& admission) {
  if (has_token_in_query(request))
    return std::unexpected(invalid_request(
        "a token in the query is not read: it belongs into the header, Authorization: Bearer TOKEN"));
  std::optional<std::string_view> credentials;
  for (const auto& [name, value] : request.headers) {
    if (!same_field(name, "Authorization")) continue;
    if (credentials) return std::unexpected(invalid_request("two Authorization headers"));
    credentials = value;
  }
  if (!credentials) {
    if (admits(admission.anonymous, request.peer)) return gateway::anonymous();
    return std::unexpected(refusal(401, "Bearer", "a token is needed: Authorization: Bearer TOKEN"));
  }
  const auto token = bearer_of(*credentials);
  if (!token) return std::unexpected(invalid_token("only bearer tokens are known here"));
  auto who = admission.tokens.authenticate(*token, std::chrono::system_clock::now());
  if (!who) return std::unexpected(invalid_token(who.error().op));
  return *std::move(who);
}

}  // namespace holdfast::front
