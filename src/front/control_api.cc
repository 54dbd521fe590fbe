#include "front/control_api.h"

#include <exception>

#include "base/log.h"
#include "front/control_json.h"
#include "front/control_routes.h"
#include "os/peer.h"

namespace holdfast::front {

namespace {

using Route = control::Answer (*)(ControlContext&, const Request&, const std::string&);
struct Row {
  std::string_view method, before,
      after;  // the path is BEFORE, or BEFORE NAME AFTER where `before` ends in /
  Route route;
};
constexpr Row kRoutes[] = {
    {"GET", "/v1/status", "", control::status},
    {"GET", "/v1/ps", "", control::ps},
    {"GET", "/v1/version", "", control::version},
    {"POST", "/v1/sweep", "", control::sweep},
    {"POST", "/v1/shutdown", "", control::shutdown},
    {"POST", "/v1/reload", "", control::reload},
    {"GET", "/v1/servers", "", control::servers},
    {"POST", "/v1/servers/", "/stop", control::server_stop},
    {"POST", "/v1/servers/", "/restart", control::server_restart},
    {"GET", "/v1/sessions", "", control::sessions},
    {"GET", "/v1/tools", "", control::tools},
    {"POST", "/v1/call", "", control::call},
    {"GET", "/v1/logs/", "", control::server_log},
    {"GET", "/v1/jobs", "", control::jobs},
    {"GET", "/v1/jobs/", "", control::job},
    {"POST", "/v1/jobs/", "/run", control::job_run},
    {"POST", "/v1/jobs/", "/cancel", control::job_cancel},
    {"GET", "/v1/jobs/", "/history", control::job_history},
    {"GET", "/v1/jobs/", "/log", control::job_log},
};

// The open part of the path; nullopt: the row is another path's. A name holds no slash of its own.
std::optional<std::string> match(const Row& row, std::string_view path) {
  if (!row.before.ends_with('/')) {
    return path == row.before ? std::optional<std::string>("") : std::nullopt;
  }
  if (!path.starts_with(row.before)) return std::nullopt;
  path.remove_prefix(row.before.size());
  if (!path.ends_with(row.after)) return std::nullopt;
  path.remove_suffix(row.after.size());
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  return percent_decode(path);
}

bool permitted(const net::Peer& peer) {
  return peer.local && (peer.uid == 0 || peer.uid == os::effective_uid());
}

asio::awaitable<Response> dispatch_control(ControlApi& api, McpEndpoint& endpoint, Request request) {
  if (!permitted(request.peer)) {
    log::warn("control.refused", {{"uid", request.peer.uid}, {"pid", request.peer.pid}});
    co_return control::error_response(403, "not_permitted", "this socket is for its own user and root");
  }
  const std::string path(request.path());
  if (path == "/mcp" || path.starts_with("/mcp/")) co_return co_await endpoint.handle(std::move(request));
  co_return co_await api.handle(std::move(request));
}

asio::awaitable<Response> answer_public(Request request) {
  if (request.path() != "/healthz") co_return control::error_response(404, "not_found", "no such path");
  if (request.method != "GET" && request.method != "HEAD") {
    co_return control::error_response(405, "invalid", "GET only");
  }
  co_return Response{.status = 200, .body = "ok\n", .content_type = "text/plain", .headers = {}};
}

}  // namespace

asio::awaitable<Response> ControlApi::handle(Request request) {
  const std::string path(request.path());
  bool known = false;
  for (const Row& row : kRoutes) {
    const auto name = match(row, path);
    if (!name) continue;
    known = true;
    if (row.method != request.method) continue;
    std::string failure;
    try {
      co_return co_await row.route(context_, request, *name);
    } catch (const std::exception& e) {  // a fault of ours must end one request, not every server
      failure = e.what();
    }
    log::error("control.failed", {{"path", path}, {"error", failure}});
    co_return control::error_response(500, "failed", failure);
  }
  if (known) co_return control::error_response(405, "invalid", "method not allowed: " + request.method);
  co_return control::error_response(404, "not_found", "no such path: " + path);
}

Service control_service(ControlApi& api, McpEndpoint& endpoint) {
  return {.handler = [&api, &endpoint](Request request) {
    return dispatch_control(api, endpoint, std::move(request));
  }};
}

Service public_service() { return {.handler = answer_public, .body_limit = 1024}; }

}  // namespace holdfast::front
