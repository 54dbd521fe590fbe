// What is served on the addresses of `listen`: MCP's clients, and whether the gateway lives and is ready.
#pragma once

#include <functional>

#include "base/address.h"
#include "front/authenticate.h"
#include "front/http_server.h"
#include "front/mcp_endpoint.h"

namespace holdfast::front {

// `bound`: the listener's own address. `ready`: whether new work is taken. What is referred to outlives the
// server.
Service public_service(McpEndpoint& endpoint, Address bound, Admission admission,
                       std::function<bool()> ready);

}  // namespace holdfast::front
