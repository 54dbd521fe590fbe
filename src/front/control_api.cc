#include "front/control_api.h"

#include <algorithm>
#include <exception>
#include <ranges>
#include <set>

#include "base/log.h"
#include "front/control_json.h"
#include "front/control_routes.h"
#include "front/guard.h"
#include "os/peer.h"

namespace holdfast::front {

namespace {

using Route = control::Answer (*)(ControlContext&, const Request&, const std::string&);
struct Row {
  std::string_view method, before,
      after;  // the path is BEFORE, or BEFORE NAME AFTER where `before` ends in /
  Route route;
  std::string_view query = "";  // the keys that it knows, between blanks
  bool body = false;            // it reads one
};
constexpr Row kRoutes[] = {
    {"GET", "/v1/status", "", control::status},
    {"GET", "/v1/ps", "", control::ps, "tree"},
    {"GET", "/v1/why/", "", control::why},
    {"GET", "/v1/version", "", control::version},
    {"POST", "/v1/sweep", "", control::sweep, "dry_run"},
    {"POST", "/v1/shutdown", "", control::shutdown},
    {"POST", "/v1/reload", "", control::reload},
    {"GET", "/v1/servers", "", control::servers},
    {"POST", "/v1/servers/", "/stop", control::server_stop, "force"},
    {"POST", "/v1/servers/", "/restart", control::server_restart, "force"},
    {"GET", "/v1/sessions", "", control::sessions},
    {"GET", "/v1/tools", "", control::tools, "server"},
    {"POST", "/v1/call", "", control::call, "", true},
    {"GET", "/v1/logs/", "", control::server_log, "offset wait"},
    {"GET", "/v1/tokens", "", control::tokens},
    {"POST", "/v1/tokens", "", control::token_add, "", true},
    {"POST", "/v1/tokens/", "/revoke", control::token_revoke},
    {"GET", "/v1/jobs", "", control::jobs},
    {"GET", "/v1/jobs/", "", control::job},
    {"POST", "/v1/jobs/", "/run", control::job_run, "wait"},
    {"POST", "/v1/jobs/", "/cancel", control::job_cancel, "run"},
    {"GET", "/v1/jobs/", "/history", control::job_history, "limit"},
    {"GET", "/v1/jobs/", "/log", control::job_log, "run offset wait"},
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

// "POST /v1/jobs/NAME/cancel takes ?run= and no body".
std::string usage_of(const Row& row) {
  std::string out = std::string(row.method) + " " + std::string(row.before);
  if (row.before.ends_with('/')) out += "NAME";
  out.append(row.after).append(" takes ");
  if (row.query.empty()) out += "no query";
  for (const auto key : std::views::split(row.query, ' '))
    out.append(out.ends_with('=') ? ", ?" : "?").append(std::string_view(key)).append("=");
  return out += row.body ? " and a body" : " and no body";
}

bool knows(const Row& row, std::string_view key) {
  return std::ranges::any_of(std::views::split(row.query, ' '),
                             [&](const auto known) { return std::string_view(known) == key; });
}

// What is wrong with the form of a request; empty: nothing. What a route does not know is refused, as
// ignoring it may mean the contrary of what was meant: without its ?run= a cancel is meant for all.
std::string fault_of(const Row& row, const Request& request) {
  std::set<std::string> seen;
  for (const auto& [key, value] : request.queries()) {
    if (!knows(row, key)) return "unknown query key " + key;
    if (value.empty()) return "the query key " + key + " has no value";
    if (!seen.insert(key).second) return "the query key " + key + " stands there twice";
  }
  const auto begin = request.body.find_first_not_of(" \t\r\n");
  const auto end = request.body.find_last_not_of(" \t\r\n");
  const bool says_nothing =
      begin == std::string::npos || std::string_view(request.body).substr(begin, end + 1 - begin) == "{}";
  return row.body || says_nothing ? "" : "a body that nobody reads";
}

bool permitted(const net::Peer& peer) {
  return peer.local && (peer.uid == 0 || peer.uid == os::effective_uid());
}

asio::awaitable<Response> dispatch_control(ControlApi& api, McpEndpoint& endpoint, Request request) {
  if (!permitted(request.peer)) {
    log::warn("control.refused", {{"uid", request.peer.uid}, {"pid", request.peer.pid}});
    co_return control::error_response(403, "not_permitted", "this socket is for its own user and root");
  }
  if (const auto why = foreign(request, unix_address({})))
    co_return control::error_response(403, "not_permitted", *why);
  const std::string path(request.path());
  if (path == "/mcp" || path.starts_with("/mcp/"))
    co_return co_await endpoint.handle(std::move(request), gateway::owner());
  co_return co_await api.handle(std::move(request));
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
    if (const auto fault = fault_of(row, request); !fault.empty())
      co_return control::error_response(400, "invalid", fault + ": " + usage_of(row));
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

}  // namespace holdfast::front
