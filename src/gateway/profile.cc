#include "gateway/profile.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/fnv.h"
#include "base/json_depth.h"
#include "mcp/revision.h"

namespace holdfast::gateway {
namespace {

using nlohmann::json;

json object_of(std::string_view text) {
  if (deeper_than(text)) return json::object();
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? std::move(value) : json::object();
}

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

bool offers_elicitation(const mcp::ClientProfile& profile, const json& modes, std::string_view params) {
  const mcp::Revision& revision = mcp::negotiate(profile.revision);
  const json asked = object_of(params);
  const auto mode = asked.find("mode");
  if (mode == asked.end() || *mode == "form")
    return revision.elicitation && (modes.empty() || modes.contains("form"));
  return revision.url_elicitation && *mode == "url" && modes.contains("url");
}

}  // namespace

mcp::ClientProfile normalised(const mcp::ClientProfile& profile) {
  return {.revision = std::string(mcp::negotiate(profile.revision).name),
          .capabilities = text_of(object_of(profile.capabilities))};
}

mcp::ClientProfile profile_for(const config::Server& server, const mcp::ClientProfile& session) {
  if (server.sharing == config::Sharing::session) return session;
  if (server.max_instances == 1) return normalised({});
  json capabilities = object_of(session.capabilities);
  for (const char* of_one_client : {"roots", "tasks"}) capabilities.erase(of_one_client);
  return {.revision = session.revision, .capabilities = text_of(capabilities)};
}

std::string key_suffix(const mcp::ClientProfile& told) {
  const mcp::ClientProfile plain = normalised({});
  if (told.revision == plain.revision && told.capabilities == plain.capabilities) return {};
  char suffix[32];
  std::snprintf(
      suffix, sizeof suffix, "~%012llx",
      static_cast<unsigned long long>(fnv1a_part(told.capabilities, fnv1a_part(told.revision)) >> 16));
  return suffix;
}

bool offers(const mcp::ClientProfile& profile, std::string_view method, std::string_view params) {
  struct Row {
    std::string_view method, capability;
  };
  static constexpr std::array kRows{Row{"sampling/createMessage", "sampling"},
                                    Row{"elicitation/create", "elicitation"},
                                    Row{"roots/list", "roots"},
                                    Row{"tasks/get", "tasks"},
                                    Row{"tasks/result", "tasks"},
                                    Row{"tasks/list", "tasks"},
                                    Row{"tasks/cancel", "tasks"}};
  for (const Row& row : kRows) {
    if (row.method != method) continue;
    const json capabilities = object_of(profile.capabilities);
    const auto declared = capabilities.find(row.capability);
    if (declared == capabilities.end() || !declared->is_object()) return false;
    return row.capability != "elicitation" || offers_elicitation(profile, *declared, params);
  }
  return false;
}

}  // namespace holdfast::gateway
