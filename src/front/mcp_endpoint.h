// MCP's Streamable HTTP for the stateful revisions: POST, GET and DELETE of /mcp/NAME; and the transport
// before it (sse_streams.h). Finds or opens the session that a request is for; what is said in it is the
// session's (mcp_session.h).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/duration.h"
#include "front/http_server.h"
#include "front/mcp_answer.h"
#include "front/mcp_session.h"
#include "gateway/gateway.h"
#include "gateway/principal.h"

namespace holdfast::front {

struct McpEndpointOptions {
  milliseconds session_idle_timeout{1'800'000};  // without a request in flight or an open stream
  milliseconds reconnect_grace{30'000};          // after its GET stream went, without sign of the client
  std::size_t sessions = 16'384;                 // more: 503
  milliseconds greeting{60'000};                 // from GET /sse to initialize
  McpSessionOptions session = {};
};

// Loop thread only.
class McpEndpoint {
 public:
  static std::unique_ptr<McpEndpoint> create(asio::any_io_executor executor, gateway::Gateway& gateway,
                                             McpEndpointOptions options);
  virtual ~McpEndpoint() = default;

  // Paths that are is_mcp(). `who` sent it, and no other principal's session is found for it.
  virtual asio::awaitable<Response> handle(Request request, gateway::PrincipalPtr who) = 0;
  // Ends the sessions of a principal that is no more, and what they have in flight.
  virtual void end_sessions_of(const gateway::PrincipalPtr& who) = 0;
  // Ends the sessions that were opened with `Holdfast-Bind: connection` on it. From the server's hook.
  virtual void connection_closed(std::uint64_t connection) = 0;
  // Ends every session, and waits for their requests. Before the gateway goes.
  virtual asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline) = 0;
  [[nodiscard]] virtual std::size_t sessions() const = 0;
};

// /mcp, /sse, both with the name of a server behind or not, and /messages.
bool is_mcp(std::string_view path);

}  // namespace holdfast::front
