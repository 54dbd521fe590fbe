#include "front/mcp_endpoint.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "base/json_depth.h"
#include "base/log.h"
#include "front/envelope.h"
#include "mcp/message.h"
#include "mcp/revision.h"

namespace holdfast::front {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::hours kLongest{24 * 7};  // the server's callTimeout bounds a request, not this
constexpr std::chrono::seconds kCancelGrace{30};

Response rpc_result(const std::string& id, std::string_view result) {
  return {.body = mcp::result_line(id, result), .headers = {}};
}

Response rpc_error(unsigned status, const std::string& id, std::int64_t code, std::string_view message,
                   std::string_view data = {}) {
  return {.status = status, .body = mcp::error_line(id, code, message, data), .headers = {}};
}

Response accepted() { return {.status = 202, .body = {}, .headers = {}}; }

// One request on its way to the server; shared by who awaits it and who may cancel it.
struct InFlight {
  explicit InFlight(const asio::any_io_executor& executor) : group(executor), done(executor) {}
  TaskGroup group;
  Event done;
  Result<mcp::Reply> reply = fail(Errc::cancelled, "request");
};

struct McpSession {
  std::string id, server, revision;
  std::unique_ptr<gateway::Session> session;
  std::uint64_t bound_to = 0;  // a connection; 0: none
  steady_clock::time_point last_used = steady_clock::now();
  std::map<std::string, std::shared_ptr<InFlight>> in_flight;  // by the client's own id, raw
};
using SharedSession = std::shared_ptr<McpSession>;

asio::awaitable<void> forward_request(SharedSession session, std::shared_ptr<InFlight> call,
                                      std::string method, std::string params) {
  call->reply = co_await session->session->request(session->server, method, params, {});
  call->done.set();
}

struct ClientFacts {
  std::string name = "client", revision;
};
ClientFacts client_facts(const std::string& params) {
  ClientFacts facts;
  const auto json = nlohmann::json::parse(params, nullptr, false);
  if (!json.is_object()) return facts;
  if (const auto it = json.find("protocolVersion"); it != json.end() && it->is_string()) {
    facts.revision = it->get<std::string>();
  }
  if (const auto info = json.find("clientInfo"); info != json.end() && info->is_object()) {
    if (const auto it = info->find("name"); it != info->end() && it->is_string()) facts.name = *it;
  }
  facts.name.resize(std::min<std::size_t>(facts.name.size(), 64));
  return facts;
}

// What this endpoint has no stream to deliver is not promised: a client would wait for it.
std::string capabilities_served(const std::string& raw) {
  if (deeper_than(raw)) return "{}";  // writing it recurses
  auto all = nlohmann::ordered_json::parse(raw, nullptr, false);
  if (!all.is_object()) return "{}";
  all.erase("logging");
  for (const char* kind : {"tools", "prompts", "resources"}) {
    const auto it = all.find(kind);
    if (it == all.end() || !it->is_object()) continue;
    it->erase("listChanged");
    it->erase("subscribe");
  }
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool mentions(std::optional<std::string_view> header, std::string_view type) {
  return header && header->find(type) != std::string_view::npos;
}

class Endpoint final : public McpEndpoint {
 public:
  Endpoint(asio::any_io_executor executor, gateway::Gateway& gateway, McpEndpointOptions options)
      : executor_(std::move(executor)), gateway_(gateway), options_(options), group_(executor_) {
    group_.spawn("mcp.idle", end_idle());
  }
  ~Endpoint() override { end_all("endpoint closed"); }

  asio::awaitable<Response> handle(Request request) override;
  void connection_closed(std::uint64_t connection) override;
  asio::awaitable<void> stop(steady_clock::time_point deadline) override;
  [[nodiscard]] std::size_t sessions() const override { return sessions_.size(); }

 private:
  asio::awaitable<Response> post(Request request, std::string server);
  asio::awaitable<Response> initialize(const Request& request, const std::string& server, Envelope message);
  asio::awaitable<Response> call(SharedSession session, Envelope message);
  Response notify(const SharedSession& session, const Envelope& message);
  // The session that a request names, or the answer that says why not.
  std::expected<SharedSession, Response> find_session(const Request& request, const std::string& server,
                                                      const std::string& id);
  Response remove(const Request& request, const std::string& server);
  void end(const SharedSession& session, std::string_view reason);
  void end_all(std::string_view reason);
  asio::awaitable<void> end_idle();

  asio::any_io_executor executor_;
  gateway::Gateway& gateway_;
  McpEndpointOptions options_;
  std::map<std::string, SharedSession, std::less<>> sessions_;
  bool stopped_ = false;
  TaskGroup group_;
};

asio::awaitable<Response> Endpoint::handle(Request request) {
  const std::string_view path = request.path();
  const std::string server = path.starts_with("/mcp/") ? percent_decode(path.substr(5)) : std::string();
  // The view of all servers at once will answer here.
  if (server.empty()) co_return rpc_error(404, {}, mcp::kServerError, "name a server: /mcp/NAME");
  if (request.method == "POST") co_return co_await post(std::move(request), server);
  if (request.method == "DELETE") co_return remove(request, server);
  Response refused = rpc_error(405, {}, mcp::kServerError, "method not allowed: POST or DELETE");
  refused.headers.emplace_back("Allow", "POST, DELETE");
  co_return refused;
}

asio::awaitable<Response> Endpoint::post(Request request, std::string server) {
  if (!mentions(request.header("Content-Type"), "application/json")) {
    co_return rpc_error(415, {}, mcp::kServerError, "Content-Type must be application/json");
  }
  if (const auto accept = request.header("Accept");
      accept && !mentions(accept, "application/json") && !mentions(accept, "*/*")) {
    co_return rpc_error(406, {}, mcp::kServerError,
                        "Accept must list application/json and text/event-stream");
  }
  Envelope message = read_envelope(request.body);
  using Kind = Envelope::Kind;
  if (message.kind == Kind::garbage)
    co_return rpc_error(400, {}, mcp::kParseError, "parse error: " + message.problem);
  if (message.kind == Kind::batch)
    co_return rpc_error(400, {}, mcp::kInvalidRequest, "batches are not supported");
  if (message.kind == Kind::invalid)
    co_return rpc_error(400, message.id, mcp::kInvalidRequest, message.problem);
  if (message.kind == Kind::request && message.method == "initialize") {
    if (request.header("Mcp-Session-Id")) {
      co_return rpc_error(400, message.id, mcp::kInvalidRequest, "already initialized");
    }
    co_return co_await initialize(request, server, std::move(message));
  }
  auto session = find_session(request, server, message.id);
  if (!session) co_return std::move(session.error());
  (*session)->last_used = steady_clock::now();
  if (message.kind == Kind::response) co_return accepted();  // nothing of ours waits for one yet
  if (message.kind == Kind::notification) co_return notify(*session, message);
  if (message.method == "ping") co_return rpc_result(message.id, "{}");
  co_return co_await call(*session, std::move(message));
}

std::expected<SharedSession, Response> Endpoint::find_session(const Request& request,
                                                              const std::string& server,
                                                              const std::string& id) {
  const auto named = request.header("Mcp-Session-Id");
  if (!named) return std::unexpected(rpc_error(400, id, mcp::kServerError, "Mcp-Session-Id is missing"));
  const auto it = sessions_.find(*named);
  if (it == sessions_.end() || it->second->server != server) {
    return std::unexpected(rpc_error(404, id, mcp::kUnknownSession, "no such session"));
  }
  if (const auto version = request.header("MCP-Protocol-Version");
      version && mcp::find_revision(*version) == nullptr) {
    return std::unexpected(rpc_error(400, id, mcp::kServerError, "unsupported MCP-Protocol-Version"));
  }
  return it->second;
}

asio::awaitable<Response> Endpoint::initialize(const Request& request, const std::string& server,
                                               Envelope message) {
  const ClientFacts client = client_facts(message.params);
  if (sessions_.size() >= options_.sessions) {
    co_return rpc_error(503, message.id, mcp::kInternalError, "too many sessions");
  }
  const auto session = std::make_shared<McpSession>();
  session->session = stopped_ ? nullptr : gateway_.open_session(gateway::SessionKind::client, client.name);
  if (!session->session)
    co_return rpc_error(503, message.id, mcp::kInternalError, "the gateway is shutting down");
  session->id = random_hex(16);
  session->server = server;
  session->revision = mcp::negotiate(client.revision).name;
  const auto ready = co_await session->session->connect(server);
  if (!ready) {
    const bool unknown = ready.error().is(Errc::not_found);
    co_return rpc_error(unknown ? 404 : 200, message.id, mcp::kInternalError, ready.error().message());
  }
  if (stopped_ || co_await is_cancelled()) {
    co_return rpc_error(503, message.id, mcp::kInternalError, "the gateway is shutting down");
  }
  const bool bind = request.header("Holdfast-Bind") == "connection";
  if (bind) session->bound_to = request.connection;
  sessions_.emplace(session->id, session);
  session->last_used = steady_clock::now();
  log::debug("session.opened",
             {{"session", session->session->id()}, {"server", server}, {"client", client.name}});

  std::string result = R"({"protocolVersion":)" + mcp::quote(session->revision);
  result += R"(,"capabilities":)" + capabilities_served(ready->capabilities);
  result += R"(,"serverInfo":)" + (ready->server_info.empty() ? "{}" : ready->server_info);
  if (!ready->instructions.empty()) result += R"(,"instructions":)" + mcp::quote(ready->instructions);
  Response response = rpc_result(message.id, result + "}");
  response.headers.emplace_back("Mcp-Session-Id", session->id);
  response.hold_connection = bind;
  co_return response;
}

asio::awaitable<Response> Endpoint::call(SharedSession session, Envelope message) {
  if (session->in_flight.contains(message.id)) {
    co_return rpc_error(200, message.id, mcp::kInvalidRequest, "a request with this id is in flight");
  }
  if (session->in_flight.size() >= options_.requests_per_session) {
    co_return rpc_error(200, message.id, mcp::kInternalError, "too many requests in flight");
  }
  const auto call = std::make_shared<InFlight>(executor_);
  session->in_flight.emplace(message.id, call);
  call->group.spawn("mcp.request",
                    forward_request(session, call, std::move(message.method), std::move(message.params)));
  if (!co_await call->done.wait_until(steady_clock::now() + kLongest)) {
    call->group.cancel();  // the client is gone, or the server of ours stops
    (void)co_await call->done.wait_until(steady_clock::now() + kCancelGrace);
  }
  session->in_flight.erase(message.id);
  session->last_used = steady_clock::now();
  const auto& reply = call->reply;
  if (!reply) {
    const bool cancelled = reply.error().is(Errc::cancelled);
    co_return rpc_error(200, message.id, cancelled ? mcp::kCancelled : mcp::kInternalError,
                        reply.error().message());
  }
  if (reply->error) {
    co_return rpc_error(200, message.id, reply->error->code, reply->error->message, reply->error->data);
  }
  co_return rpc_result(message.id, reply->result);
}

Response Endpoint::notify(const SharedSession& session, const Envelope& message) {
  if (message.method == "notifications/cancelled") {
    const auto it = session->in_flight.find(message.cancelled);
    if (it != session->in_flight.end()) it->second->group.cancel();
  } else if (message.method != "notifications/initialized") {
    if (const auto sent = session->session->notify(session->server, message.method, message.params); !sent) {
      log::debug("session.notify_failed", {{"server", session->server}, {"error", sent.error().message()}});
    }
  }
  return accepted();
}

Response Endpoint::remove(const Request& request, const std::string& server) {
  auto session = find_session(request, server, {});
  if (!session) return std::move(session.error());
  end(*session, "client ended it");
  return {.status = 204, .body = {}, .headers = {}};
}

// Out of the table at once; the leases go with the last request that still holds the session, and those are
// cancelled here.
void Endpoint::end(const SharedSession& session, std::string_view reason) {
  const SharedSession kept = session;
  log::debug("session.ended",
             {{"session", kept->session->id()}, {"server", kept->server}, {"reason", reason}});
  sessions_.erase(kept->id);
  const auto calls = kept->in_flight;
  for (const auto& [id, call] : calls) call->group.cancel();
}

void Endpoint::end_all(std::string_view reason) {
  while (!sessions_.empty()) end(sessions_.begin()->second, reason);
}

void Endpoint::connection_closed(std::uint64_t connection) {
  std::vector<SharedSession> bound;
  for (const auto& [id, session] : sessions_) {
    if (session->bound_to == connection) bound.push_back(session);
  }
  for (const auto& session : bound) end(session, "its connection closed");
}

asio::awaitable<void> Endpoint::end_idle() {
  const auto pace =
      std::clamp<milliseconds>(options_.session_idle_timeout / 4, milliseconds(20), std::chrono::seconds(30));
  while (co_await sleep_until(steady_clock::now() + pace)) {
    std::vector<SharedSession> idle;
    for (const auto& [id, session] : sessions_) {
      const bool unused = session->in_flight.empty() && session->bound_to == 0;
      if (unused && steady_clock::now() - session->last_used > options_.session_idle_timeout) {
        idle.push_back(session);
      }
    }
    for (const auto& session : idle) end(session, "idle");
  }
}

asio::awaitable<void> Endpoint::stop(steady_clock::time_point deadline) {
  stopped_ = true;
  std::vector<std::shared_ptr<InFlight>> calls;
  for (const auto& [id, session] : sessions_) {
    for (const auto& [request, call] : session->in_flight) calls.push_back(call);
  }
  end_all("shutdown");
  group_.cancel();
  for (const auto& call : calls) (void)co_await call->group.join(deadline);
  (void)co_await group_.join(deadline);
}

}  // namespace

std::unique_ptr<McpEndpoint> McpEndpoint::create(asio::any_io_executor executor, gateway::Gateway& gateway,
                                                 McpEndpointOptions options) {
  return std::make_unique<Endpoint>(std::move(executor), gateway, options);
}

}  // namespace holdfast::front
