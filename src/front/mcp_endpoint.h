// MCP's Streamable HTTP, legacy revisions, with JSON answers: POST and DELETE of /mcp/NAME.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/duration.h"
#include "front/http_server.h"
#include "gateway/gateway.h"

namespace holdfast::front {

struct McpEndpointOptions {
  milliseconds session_idle_timeout{1'800'000};  // without a request in flight
  std::size_t sessions = 1024;                   // more: 503
  std::size_t requests_per_session = 256;        // in flight; more: an error
};

// Loop thread only.
class McpEndpoint {
 public:
  static std::unique_ptr<McpEndpoint> create(asio::any_io_executor executor, gateway::Gateway& gateway,
                                             McpEndpointOptions options);
  virtual ~McpEndpoint() = default;

  virtual asio::awaitable<Response> handle(Request request) = 0;
  // Ends the sessions that were opened with `Holdfast-Bind: connection` on it. From the server's hook.
  virtual void connection_closed(std::uint64_t connection) = 0;
  // Ends every session, and waits for their requests. Before the gateway goes.
  virtual asio::awaitable<void> stop(std::chrono::steady_clock::time_point deadline) = 0;
  [[nodiscard]] virtual std::size_t sessions() const = 0;
};

}  // namespace holdfast::front
