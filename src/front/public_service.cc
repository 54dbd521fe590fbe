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

struct Door {
  McpEndpoint& endpoint;
  Address bound;
  Admission admission;
  std::function<bool()> ready;
};

Response too_many(int per_second, std::chrono::milliseconds wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  Response refused = rpc_error(
      429, {}, mcp::kServerError,
      "too many requests: this client may send " + std::to_string(per_second) + " a second (http.rate)");
  refused.headers.emplace_back("Retry-After", std::to_string(seconds));
  return refused;
}

// Whether it lives may be asked by anybody; all else by somebody.
asio::awaitable<Response> answer(std::shared_ptr<const Door> door, Request request) {
  const std::string path(request.path());
  const bool mcp = is_mcp(path);
  auto who = authenticate(request, door->admission);
  if (!who && mcp) {
    log::debug("front.unauthenticated",
               {{"address", to_string(door->bound)}, {"status", who.error().status}});
    co_return std::move(who.error());
  }
  const bool any_host = who && (*who)->by_token && is_exposed(door->bound);
  if (const auto why = foreign(request, door->bound, any_host)) {
    log::debug("front.refused", {{"address", to_string(door->bound)}, {"reason", *why}});
    co_return rpc_error(403, {}, mcp::kServerError, *why);
  }
  if (const auto& rate = door->admission.rate; mcp && rate) {
    if (const auto wait = rate->refuse(*who, std::chrono::steady_clock::now()))
      co_return too_many(rate->per_second(), *wait);
  }
  if (mcp) co_return co_await door->endpoint.handle(std::move(request), *std::move(who));
  if (path != "/healthz" && path != "/readyz")
    co_return control::error_response(404, "not_found", "no such path");
  if (request.method != "GET" && request.method != "HEAD")
    co_return control::error_response(405, "invalid", "GET only");
  if (path == "/readyz" && !door->ready()) co_return plain(503, "stopping\n");
  co_return plain(200, "ok\n");
}

}  // namespace

Service public_service(McpEndpoint& endpoint, Address bound, Admission admission,
                       std::function<bool()> ready) {
  const auto door =
      std::make_shared<const Door>(Door{endpoint, std::move(bound), std::move(admission), std::move(ready)});
  return {.handler = [door](Request request) { return answer(door, std::move(request)); }};
}

}  // namespace holdfast::front
