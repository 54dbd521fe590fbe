// What is served on the addresses of `listen`: MCP's clients, and whether the gateway lives and is ready.
#pragma once

#include <functional>

#include "base/address.h"
#include "front/http_server.h"
#include "front/mcp_endpoint.h"

namespace holdfast::front {

// `bound`: the listener's own address. `ready`: whether new work is taken. Both referred to outlive the
// server.
Service public_service(McpEndpoint& endpoint, Address bound, std::function<bool()> ready);

}  // namespace holdfast::front
