// Who sends a request on `listen`. The control socket needs none of this: the kernel says who is there.
#pragma once

#include <expected>

#include "config/config.h"
#include "front/http_server.h"
#include "front/rate_limit.h"
#include "gateway/principal.h"
#include "gateway/tokens.h"

namespace holdfast::front {

// Who may come in, and how often. `tokens` outlives the server.
struct Admission {
  gateway::Tokens& tokens;
  config::Anonymous anonymous = config::Anonymous::loopback;
  std::shared_ptr<RateLimit> rate = nullptr;  // of all listeners together; null: none
};

// Whose request it is, or the answer that turns it away: 401 as in RFC 6750, section 3; 400 for a token in
// the query (it would stand in logs and histories) and for credentials that say two things. Whoever presents
// something is that, or nobody, and never becomes anonymous.
std::expected<gateway::PrincipalPtr, Response> authenticate(const Request& request,
                                                            const Admission& admission);
// 401 for a token that is not valid. `why` holds no quotes; `id`: of the request, empty if it has none.
Response invalid_token(std::string_view why, const std::string& id = {});

}  // namespace holdfast::front
