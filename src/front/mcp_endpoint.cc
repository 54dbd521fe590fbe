#include "front/mcp_endpoint.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "front/envelope.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"

namespace holdfast::front {

using std::chrono::steady_clock;
using Kind = Envelope::Kind;

namespace {

constexpr std::chrono::seconds kLongestPace{30};  // between two looks at who may end
constexpr std::chrono::seconds kReplayable{120};  // how long what was said can be asked for again

using SharedSession = std::shared_ptr<McpSession>;

Response json(std::string body) { return {.body = std::move(body), .headers = {}}; }
Response accepted() { return {.status = 202, .body = {}, .headers = {}}; }
Response event_stream(std::shared_ptr<BodyStream> body) {
  return {.body = {},
          .content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}},
          .stream = std::move(body)};
}
Response answer_of(McpSession::Answer answer) {
  if (answer.stream) return event_stream(std::move(answer.stream));
  return answer.line.empty() ? accepted() : json(std::move(answer.line));
}

// What is promised is what the session's revision has.
std::string capabilities_served(std::string_view raw, const mcp::Revision& revision) {
  std::string text(raw), out = "{";
  const auto all = mcp::members(mcp::PaddedText::in(text));
  if (!all) return "{}";
  for (const auto& [key, value] : *all) {
    if (key == "tasks" && !revision.tasks) continue;
    out.append(out.size() > 1 ? "," : "").append(mcp::quote(key)).append(":").append(value);
  }
  return out += "}";
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
  asio::awaitable<Response> post(Request request, std::string address);
  asio::awaitable<Response> initialize(const Request& request, const std::string& address, Envelope message);
  asio::awaitable<Response> batch(SharedSession session, std::string body);
  Response get(const Request& request, const std::string& address);
  Response remove(const Request& request, const std::string& address);
  std::unique_ptr<gateway::View> view_of(const SharedSession& session, const std::string& client);
  // The session that a request names, or the answer that says why not.
  std::expected<SharedSession, Response> find_session(const Request& request, const std::string& address,
                                                      const std::string& id);
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
  const std::string address = path.starts_with("/mcp/") ? percent_decode(path.substr(5)) : std::string();
  if (request.method == "POST") co_return co_await post(std::move(request), address);
  if (request.method == "GET") co_return get(request, address);
  if (request.method == "DELETE") co_return remove(request, address);
  Response refused = rpc_error(405, {}, mcp::kServerError, "method not allowed: POST, GET or DELETE");
  refused.headers.emplace_back("Allow", "POST, GET, DELETE");
  co_return refused;
}

std::unique_ptr<gateway::View> Endpoint::view_of(const SharedSession& session, const std::string& client) {
  if (stopped_) return nullptr;
  return session->address().empty() ? gateway::view_of_all(gateway_, client, session)
                                    : gateway::view_of_one(gateway_, session->address(), client, session);
}

asio::awaitable<Response> Endpoint::post(Request request, std::string address) {
  if (!mentions(request.header("Content-Type"), "application/json")) {
    co_return rpc_error(415, {}, mcp::kServerError, "Content-Type must be application/json");
  }
  const auto accept = request.header("Accept");
  if (accept && !mentions(accept, "application/json") && !mentions(accept, "*/*")) {
    co_return rpc_error(406, {}, mcp::kServerError,
                        "Accept must list application/json and text/event-stream");
  }
  Envelope message = read_envelope(request.body);
  if (message.kind == Kind::garbage)
    co_return rpc_error(400, {}, mcp::kParseError, "parse error: " + message.problem);
  if (message.kind == Kind::invalid)
    co_return rpc_error(400, message.id, mcp::kInvalidRequest, message.problem);
  if (message.kind == Kind::request && message.method == "initialize") {
    if (request.header("Mcp-Session-Id")) {
      co_return rpc_error(400, message.id, mcp::kInvalidRequest, "already initialized");
    }
    co_return co_await initialize(request, address, std::move(message));
  }
  auto session = find_session(request, address, message.id);
  if (!session) co_return std::move(session.error());
  if (message.kind == Kind::batch) co_return co_await batch(*session, std::move(request.body));
  if (message.kind != Kind::request) {
    (*session)->hear(message);
    co_return accepted();
  }
  const bool may_stream = mentions(accept, "text/event-stream");
  request.body = {};  // a long call need not hold it
  co_return answer_of(co_await (*session)->call(std::move(message), may_stream));
}

asio::awaitable<Response> Endpoint::batch(SharedSession session, std::string body) {
  if (!session->revision().batches)
    co_return rpc_error(400, {}, mcp::kInvalidRequest, "batches are not of this session's revision");
  const auto parts = mcp::elements(mcp::PaddedText::in(body), options_.session.requests);
  if (!parts || parts->empty()) {
    co_return rpc_error(400, {}, mcp::kInvalidRequest,
                        parts ? "an empty batch" : "a batch that is too long, or no array");
  }
  std::vector<Envelope> messages;
  messages.reserve(parts->size());
  for (const auto part : *parts) messages.push_back(read_envelope(part));
  std::string answers = co_await session->batch(std::move(messages));
  co_return answers.empty() ? accepted() : json(std::move(answers));
}

Response Endpoint::get(const Request& request, const std::string& address) {
  if (!mentions(request.header("Accept"), "text/event-stream"))
    return rpc_error(406, {}, mcp::kServerError, "Accept must list text/event-stream");
  auto session = find_session(request, address, {});
  if (!session) return std::move(session.error());
  auto body = (*session)->listen(request.header("Last-Event-ID"));
  if (body) return event_stream(std::move(*body));
  if (body.error() == McpSession::Refused::occupied)
    return rpc_error(409, {}, mcp::kServerError, "only one GET stream is allowed per session");
  return rpc_error(400, {}, mcp::kServerError, "Last-Event-ID is none of this session's");
}

std::expected<SharedSession, Response> Endpoint::find_session(const Request& request,
                                                              const std::string& address,
                                                              const std::string& id) {
  const auto named = request.header("Mcp-Session-Id");
  if (!named) return std::unexpected(rpc_error(400, id, mcp::kServerError, "Mcp-Session-Id is missing"));
  const auto it = sessions_.find(*named);
  if (it == sessions_.end() || it->second->address() != address) {
    return std::unexpected(rpc_error(404, id, mcp::kUnknownSession, "no such session"));
  }
  if (const auto version = request.header("MCP-Protocol-Version");
      version && mcp::find_revision(*version) == nullptr) {
    return std::unexpected(rpc_error(400, id, mcp::kServerError, "unsupported MCP-Protocol-Version"));
  }
  return it->second;
}

asio::awaitable<Response> Endpoint::initialize(const Request& request, const std::string& address,
                                               Envelope message) {
  ClientFacts client = client_facts(message.params);
  client.headers = own_headers(request);
  if (sessions_.size() >= options_.sessions) {
    co_return rpc_error(503, message.id, mcp::kInternalError, "too many sessions");
  }
  const bool bind = request.header("Holdfast-Bind") == "connection";
  const auto session = std::make_shared<McpSession>(executor_, options_.session, address, client,
                                                    bind ? request.connection : 0);
  auto view = view_of(session, client.name);
  if (!view) co_return rpc_error(503, message.id, mcp::kInternalError, "the gateway is shutting down");
  session->open(std::move(view));
  const auto hello = co_await session->view().hello();
  if (!hello) {
    const bool unknown = hello.error().is(Errc::not_found);
    co_return rpc_error(unknown ? 404 : 200, message.id, mcp::kInternalError, hello.error().message());
  }
  if (stopped_ || co_await is_cancelled()) {
    co_return rpc_error(503, message.id, mcp::kInternalError, "the gateway is shutting down");
  }
  sessions_.emplace(session->id(), session);
  log::debug("session.opened",
             {{"session", session->view().session_id()}, {"address", address}, {"client", client.name}});

  const mcp::Revision& revision = session->revision();
  std::string result = R"({"protocolVersion":)" + mcp::quote(revision.name);
  result += R"(,"capabilities":)" + capabilities_served(hello->capabilities, revision);
  result += R"(,"serverInfo":)" + (hello->server_info.empty() ? "{}" : hello->server_info);
  if (!hello->instructions.empty()) result += R"(,"instructions":)" + mcp::quote(hello->instructions);
  Response response = json(mcp::result_line(message.id, result + "}"));
  response.headers.emplace_back("Mcp-Session-Id", session->id());
  response.hold_connection = bind;
  co_return response;
}

Response Endpoint::remove(const Request& request, const std::string& address) {
  auto session = find_session(request, address, {});
  if (!session) return std::move(session.error());
  end(*session, "client ended it");
  return {.status = 204, .body = {}, .headers = {}};
}

// Out of the table at once; the leases go with the last request that still holds the session, and those are
// cancelled here.
void Endpoint::end(const SharedSession& session, std::string_view reason) {
  const SharedSession kept = session;
  log::debug("session.ended",
             {{"session", kept->view().session_id()}, {"address", kept->address()}, {"reason", reason}});
  sessions_.erase(kept->id());
  kept->end();
}

void Endpoint::end_all(std::string_view reason) {
  while (!sessions_.empty()) end(sessions_.begin()->second, reason);
}

void Endpoint::connection_closed(std::uint64_t connection) {
  std::vector<SharedSession> bound;
  for (const auto& [id, session] : sessions_) {
    if (session->connection() == connection) bound.push_back(session);
  }
  for (const auto& session : bound) end(session, "its connection closed");
}

asio::awaitable<void> Endpoint::end_idle() {
  const auto least = std::min(options_.session_idle_timeout, options_.reconnect_grace);
  const auto pace = std::clamp<milliseconds>(least / 4, milliseconds(25), kLongestPace);
  while (co_await sleep_until(steady_clock::now() + pace)) {
    const auto now = steady_clock::now();
    std::vector<std::pair<SharedSession, std::string_view>> over;
    for (const auto& [id, session] : sessions_) {
      session->forget(now - kReplayable);
      const auto why = session->over(now, options_.session_idle_timeout, options_.reconnect_grace);
      if (!why.empty()) over.emplace_back(session, why);
    }
    for (const auto& [session, why] : over) end(session, why);
  }
}

asio::awaitable<void> Endpoint::stop(steady_clock::time_point deadline) {
  stopped_ = true;
  std::vector<SharedSession> all;
  for (const auto& [id, session] : sessions_) all.push_back(session);
  end_all("shutdown");
  group_.cancel();
  for (const auto& session : all) (void)co_await session->ended(deadline);
  (void)co_await group_.join(deadline);
}

}  // namespace

Response rpc_error(unsigned status, const std::string& id, std::int64_t code, std::string_view message) {
  return {.status = status, .body = mcp::error_line(id, code, message), .headers = {}};
}

std::unique_ptr<McpEndpoint> McpEndpoint::create(asio::any_io_executor executor, gateway::Gateway& gateway,
                                                 McpEndpointOptions options) {
  return std::make_unique<Endpoint>(std::move(executor), gateway, options);
}

}  // namespace holdfast::front
