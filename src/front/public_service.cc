#include "front/public_service.h"

#include "base/log.h"
#include "front/control_json.h"
#include "front/guard.h"
#include "mcp/message.h"

namespace holdfast::front {

namespace {

Response plain(unsigned status, std::string text) {
  return {.status = status, .body = std::move(text), .content_type = "text/plain", .headers = {}};
}

asio::awaitable<Response> answer(McpEndpoint& endpoint, Address bound, std::function<bool()> ready,
                                 Request request) {
  if (const auto why = foreign(request, bound)) {
    log::debug("front.refused", {{"address", to_string(bound)}, {"reason", *why}});
    co_return rpc_error(403, {}, mcp::kServerError, *why);
  }
  const std::string path(request.path());
  if (path == "/mcp" || path.starts_with("/mcp/")) co_return co_await endpoint.handle(std::move(request));
  if (path != "/healthz" && path != "/readyz")
    co_return control::error_response(404, "not_found", "no such path");
  if (request.method != "GET" && request.method != "HEAD")
    co_return control::error_response(405, "invalid", "GET only");
  if (path == "/readyz" && !ready()) co_return plain(503, "stopping\n");
  co_return plain(200, "ok\n");
}

}  // namespace

Service public_service(McpEndpoint& endpoint, Address bound, std::function<bool()> ready) {
  return {.handler = [&endpoint, bound = std::move(bound), ready = std::move(ready)](Request request) {
    return answer(endpoint, bound, ready, std::move(request));
  }};
}

}  // namespace holdfast::front
