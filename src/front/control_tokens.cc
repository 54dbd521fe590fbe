// Routes that make, show and revoke tokens.
#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "front/control_json.h"
#include "front/control_routes.h"

namespace holdfast::front::control {

namespace {

// Errc::invalid; what it says goes out as it is.
Result<gateway::TokenRequest> request_of(const std::string& body) {
  const auto wrong = [](std::string_view why) { return fail(Errc::invalid, "", why); };
  const Json json = deeper_than(body) ? Json() : Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("name")) return wrong(R"(the body must be {"name", ...})");
  gateway::TokenRequest request;
  try {
    for (const auto& [key, value] : json.items()) {
      if (key == "name") {
        value.get_to(request.name);
      } else if (key == "tools") {
        value.get_to(request.rights.tools);
      } else if (key == "servers") {
        value.get_to(request.rights.servers);
      } else if (key == "expires") {
        const auto lifetime = parse_duration(value.get<std::string>());
        if (!lifetime) return wrong("expires: no duration");
        request.lifetime = *lifetime;
      } else {
        return wrong("the body has a member that nobody reads: " + key);
      }
    }
  } catch (const Json::exception&) {
    return wrong("name and expires are texts, tools and servers lists of texts");
  }
  return request;
}

}  // namespace

Answer tokens(ControlContext& context, const Request&, const std::string&) {
  Json all = Json::array();
  for (const auto& [token, last_used] : context.tokens.list()) {
    Json row = facts_of(token);
    row["last_used_at"] = json_time(last_used);
    all.push_back(std::move(row));
  }
  co_return json_response({{"tokens", std::move(all)}});
}

Answer token_add(ControlContext& context, const Request& request, const std::string&) {
  auto asked = request_of(request.body);
  if (!asked) co_return error_response(asked.error());
  const auto made = co_await context.tokens.add(*std::move(asked));
  if (!made) co_return error_response(made.error());
  Json json = facts_of(made->token);
  json["token"] = made->secret;
  co_return json_response(json);
}

Answer token_revoke(ControlContext& context, const Request&, const std::string& name) {
  const auto revoked = co_await context.tokens.revoke(name);
  if (!revoked) co_return error_response(revoked.error());
  co_return json_response({{"name", name}, {"revoked", true}});
}

}  // namespace holdfast::front::control
