#include "daemon/exposure.h"

#include <algorithm>

#include "base/address.h"
#include "base/log.h"

namespace holdfast::daemon {
namespace {

bool is_reachable(const std::string& text) {
  const auto address = parse_address(text);
  return address && is_exposed(*address);
}

}  // namespace

std::string why_not_to_listen(const std::vector<std::string>& addresses, config::Anonymous anonymous,
                              const gateway::TokenList& tokens, SystemTime now) {
  const auto exposed = std::ranges::find_if(addresses, is_reachable);
  if (exposed == addresses.end() || anonymous == config::Anonymous::everywhere) return {};
  if (std::ranges::any_of(tokens, [&](const auto& token) { return !token.is_over(now); })) return {};
  return "other machines could reach " + *exposed +
         ", and there is no token to admit them by: say `holdfast token add NAME` first (or `auth: { "
         "anonymous: everywhere }`, if whoever reaches it may use every server)";
}

std::string why_not_to_listen_with_tls(const std::vector<std::string>& addresses, const config::Tls& tls) {
  const auto asks =
      std::ranges::find_if(addresses, [](const auto& text) { return text.starts_with("https://"); });
  if (asks == addresses.end() || !tls.key.empty()) return {};
  return *asks + " needs `tls: { certificate: FILE, key: FILE }` in the configuration";
}

void warn_of_exposure(const std::vector<std::string>& addresses, config::Anonymous anonymous) {
  for (const auto& address : addresses) {
    if (!is_reachable(address)) continue;
    if (anonymous == config::Anonymous::everywhere)
      log::warn("gateway.open_to_all",
                {{"address", address},
                 {"reason",
                  "auth.anonymous is everywhere: whoever reaches this address may use every server, "
                  "without a token"}});
    if (parse_address(address)->tls) continue;
    log::warn(
        "gateway.clear_text",
        {{"address", address},
         {"reason", "there is no TLS here: who can listen on the way reads tokens, calls and results"}});
  }
}

}  // namespace holdfast::daemon
