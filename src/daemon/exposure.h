// What the addresses of `listen` mean for who may come in.
#pragma once

#include <string>
#include <vector>

#include "base/wall_clock.h"
#include "config/config.h"
#include "gateway/token.h"

namespace holdfast::daemon {

// Why nobody may listen there: others could reach an address, and there is no token to admit them by. Empty:
// it is fine, or the configuration says in so many words that everybody may come.
std::string why_not_to_listen(const std::vector<std::string>& addresses, config::Anonymous anonymous,
                              const gateway::TokenList& tokens, SystemTime now);

// Why nobody may listen there with TLS: an address asks for it, and there is nothing to show. Empty: it is
// fine.
std::string why_not_to_listen_with_tls(const std::vector<std::string>& addresses, const config::Tls& tls);

// Says to the log what others could read or do.
void warn_of_exposure(const std::vector<std::string>& addresses, config::Anonymous anonymous);

}  // namespace holdfast::daemon
