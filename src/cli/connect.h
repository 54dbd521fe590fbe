// The stdio bridge: an MCP client that only speaks stdio, on one of the gateway's servers. Internal to cli.
#pragma once

#include <string>

#include "cli/context.h"

namespace holdfast::cli {

struct BridgeOptions {
  int in = 0, out = 1;                    // lent; made non-blocking while the bridge runs
  std::size_t requests_in_flight = 64;    // more wait, and may be cancelled there
  std::size_t line_limit = 64U << 20;     // bytes; a longer message is answered with an error
  std::size_t unread_limit = 256U << 20;  // bytes that wait for the client to read; more, and it is given up
  milliseconds last_answers{5'000};       // after end-of-file
  milliseconds come_back{30'000};         // how long a gateway that went away is waited for
};

// JSON-RPC lines from `in` to /mcp/SERVER (no server: /mcp) on the control socket, and all that comes from
// there as lines to `out`. A gateway that goes away is waited for: what was in flight is answered with an
// error, the handshake is repeated to the next one, and so are log level and subscriptions. 0 after
// end-of-file, SIGTERM or SIGINT, but 1 if there was no such server; 69 when no gateway answers, or none
// comes back (the reason is printed once on stderr).
int connect(Context& context, const std::string& server, BridgeOptions options = {});

}  // namespace holdfast::cli
