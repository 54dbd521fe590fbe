// A server's `limits` as custody understands them, and how each of them holds here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "custody/custodian.h"

namespace holdfast::gateway {

custody::Limits limits_of(const config::Server& server);

// Of the limits that the entry sets: name and way, as custody::Enforcement has them.
std::vector<std::pair<std::string, std::string>> limit_ways(const config::Server& server,
                                                            const custody::Enforcement& here);

// A warning for each that holds by nothing here.
void warn_of_limits(const config::Server& server, const custody::Enforcement& here);

}  // namespace holdfast::gateway
