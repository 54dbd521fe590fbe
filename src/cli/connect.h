// The stdio bridge: an MCP client that only speaks stdio, on one of the gateway's servers. Internal to cli.
#pragma once

#include <string>

#include "cli/context.h"

namespace holdfast::cli {

struct BridgeOptions {
  int in = 0, out = 1;                  // lent; made non-blocking while the bridge runs
  std::size_t requests_in_flight = 64;  // more wait, and may be cancelled there
  std::size_t line_limit = 64U << 20;   // bytes; a longer message is answered with an error
  milliseconds last_answers{5'000};     // after end-of-file
};

// JSON-RPC lines from `in` to /mcp/SERVER on the control socket, answers as lines to `out` in the order in
// which they come. 0 after end-of-file, SIGTERM or SIGINT, but 1 if there was no such server; 69 when the
// gateway is or goes away (what was in flight is answered with an error, and the reason is printed once on
// stderr).
int connect(Context& context, const std::string& server, BridgeOptions options = {});

}  // namespace holdfast::cli
