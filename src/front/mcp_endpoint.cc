#include "front/mcp_endpoint.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/mutant.h"
#include "front/authenticate.h"
#include "front/sse_streams.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"
#include "mcp/revision.h"

namespace holdfast::front {

using std::chrono::steady_clock;
using std::chrono::system_clock;
using Kind = Envelope::Kind;

namespace {

constexpr std::chrono::seconds kLongestPace{30};  // between two looks at who may end
constexpr std::chrono::seconds kReplayable{120};  // how long what was said can be asked for again

using SharedSession = std::shared_ptr<McpSession>;

Response json(std::string body) { return {.body = std::move(body), .headers = {}}; }
Response accepted() { return {.status = 202, .body = {}, .headers = {}}; }
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

// "/mcp/NAME" -> "NAME"; empty: all servers.
std::string address_in(std::string_view path) {
  const auto slash = path.find('/', 1);
  return slash == std::string_view::npos ? std::string() : percent_decode(path.substr(slash + 1));
}

// What a session belongs to, and a request of it has to come from: whose it is, and at which address (the
// server's name, empty for all).
struct Place {
  gateway::PrincipalPtr who;
  std::string address;
  [[nodiscard]] bool has(const McpSession& session) const {
    if (kSwitchedOff == Mechanism::session_of_its_principal) return session.address() == address;
    return session.principal() == who && session.address() == address;
  }
};

class Endpoint final : public McpEndpoint {
 public:
  Endpoint(asio::any_io_executor executor, gateway::Gateway& gateway, McpEndpointOptions options)
      : executor_(std::move(executor)),
        gateway_(gateway),
        options_(options),
        sse_(executor_,
             {options.sessions, options.session.stream_limit, options.greeting, options.session.backlog},
             [this](SseStreams::Caller caller, Envelope message) {
               return greet(std::move(caller), std::move(message));
             }),
        group_(executor_) {
    group_.spawn("mcp.idle", end_idle());
  }
  ~Endpoint() override { end_all("endpoint closed"); }

  asio::awaitable<Response> handle(Request request, gateway::PrincipalPtr who) override;
  void end_sessions_of(const gateway::PrincipalPtr& who) override;
  void connection_closed(std::uint64_t connection) override;
  asio::awaitable<void> stop(steady_clock::time_point deadline) override;
  [[nodiscard]] std::size_t sessions() const override { return sessions_.size(); }

 private:
  asio::awaitable<Response> post(Request request, Place place);
  asio::awaitable<Response> initialize(const Request& request, const Place& place, Envelope message);
  asio::awaitable<SseStreams::Greeting> greet(SseStreams::Caller caller, Envelope message);
  asio::awaitable<std::expected<std::string, Response>> open(SharedSession session, std::string client,
                                                             std::string id);
  asio::awaitable<Response> batch(SharedSession session, std::string body);
  Response get(const Request& request, const Place& place);
  Response remove(const Request& request, const Place& place);
  std::unique_ptr<gateway::View> view_of(const SharedSession& session, const std::string& client);
  bool make_room(const gateway::PrincipalPtr& who);
  // The session that a request names, or the answer that says why not.
  std::expected<SharedSession, Response> find_session(const Request& request, const Place& place,
                                                      const std::string& id);
  void end(const SharedSession& session, std::string_view reason);
  template <class Which>
  void end_those(Which which, std::string_view reason);
  void end_all(std::string_view reason);
  asio::awaitable<void> end_idle();

  asio::any_io_executor executor_;
  gateway::Gateway& gateway_;
  McpEndpointOptions options_;
  std::map<std::string, SharedSession, std::less<>> sessions_;
  SseStreams sse_;
  bool stopped_ = false;
  TaskGroup group_;
};

asio::awaitable<Response> Endpoint::handle(Request request, gateway::PrincipalPtr who) {
  const std::string_view path = request.path();
  if (path == "/messages") co_return sse_.post(request, who);
  const Place place{std::move(who), address_in(path)};
  if (path.starts_with("/sse"))
    co_return sse_.open(request, {place.who, place.address, request.connection, own_headers(request)});
  if (request.method == "POST") co_return co_await post(std::move(request), place);
  if (request.method == "GET") co_return get(request, place);
  if (request.method == "DELETE") co_return remove(request, place);
  co_return method_not_allowed("POST, GET, DELETE");
}

std::unique_ptr<gateway::View> Endpoint::view_of(const SharedSession& session, const std::string& client) {
  if (stopped_) return nullptr;
  const gateway::Rights& rights = session->principal()->rights;
  return session->address().empty()
             ? gateway::view_of_all(gateway_, client, session, {.rights = rights})
             : gateway::view_of_one(gateway_, session->address(), client, session, rights);
}

asio::awaitable<Response> Endpoint::post(Request request, Place place) {
  const auto accept = request.header("Accept");
  if (accept && !mentions(accept, "application/json") && !mentions(accept, "*/*")) {
    co_return rpc_error(406, {}, mcp::kServerError,
                        "Accept must list application/json and text/event-stream");
  }
  auto read = message_of(request);
  if (!read) co_return std::move(read.error());
  Envelope message = *std::move(read);
  if (message.kind == Kind::request && message.method == "initialize") {
    if (request.header("Mcp-Session-Id")) {
      co_return rpc_error(400, message.id, mcp::kInvalidRequest, "already initialized");
    }
    co_return co_await initialize(request, place, std::move(message));
  }
  auto session = find_session(request, place, owed_id(message));
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

Response Endpoint::get(const Request& request, const Place& place) {
  if (!mentions(request.header("Accept"), "text/event-stream"))
    return rpc_error(406, {}, mcp::kServerError, "Accept must list text/event-stream");
  auto session = find_session(request, place, {});
  if (!session) return std::move(session.error());
  auto body = (*session)->listen(request.header("Last-Event-ID"));
  if (body) return event_stream(std::move(*body));
  if (body.error() == McpSession::Refused::occupied)
    return rpc_error(409, {}, mcp::kServerError, "only one GET stream is allowed per session");
  return rpc_error(400, {}, mcp::kServerError, "Last-Event-ID is none of this session's");
}

std::expected<SharedSession, Response> Endpoint::find_session(const Request& request, const Place& place,
                                                              const std::string& id) {
  const auto named = request.header("Mcp-Session-Id");
  if (!named) return std::unexpected(rpc_error(400, id, mcp::kServerError, "Mcp-Session-Id is missing"));
  const auto it = sessions_.find(*named);
  if (it == sessions_.end() || !place.has(*it->second)) {
    return std::unexpected(rpc_error(404, id, mcp::kUnknownSession, "no such session"));
  }
  if (const auto version = request.header("MCP-Protocol-Version");
      version && mcp::find_revision(*version) == nullptr) {
    return std::unexpected(rpc_error(400, id, mcp::kServerError, "unsupported MCP-Protocol-Version"));
  }
  return it->second;
}

asio::awaitable<Response> Endpoint::initialize(const Request& request, const Place& place, Envelope message) {
  ClientFacts client = client_facts(message.params);
  client.headers = own_headers(request);
  const bool bind = request.header("Holdfast-Bind") == "connection";
  const auto session = std::make_shared<McpSession>(executor_, options_.session, place.address, place.who,
                                                    client, bind ? request.connection : 0);
  auto answer = co_await open(session, client.name, message.id);
  if (!answer) co_return std::move(answer.error());
  Response response = json(*std::move(answer));
  response.headers.emplace_back("Mcp-Session-Id", session->id());
  response.hold_connection = bind;
  co_return response;
}

asio::awaitable<SseStreams::Greeting> Endpoint::greet(SseStreams::Caller caller, Envelope message) {
  ClientFacts client = client_facts(message.params);
  client.revision = mcp::http_sse_revision().name;
  client.headers = std::move(caller.headers);
  if (kSwitchedOff == Mechanism::session_ends_with_its_stream) caller.connection = 0;
  const auto session = std::make_shared<McpSession>(executor_, options_.session, std::move(caller.address),
                                                    std::move(caller.who), client, caller.connection);
  session->use_one_stream();
  auto answer = co_await open(session, client.name, message.id);
  if (!answer) co_return SseStreams::Greeting{nullptr, std::move(answer.error().body)};
  co_return SseStreams::Greeting{session, *std::move(answer)};
}

// Whoever opens session after session locks nobody out: the longest idle ends, of the same principal if there
// is one, else one that has been idle for a while. False: none is.
bool Endpoint::make_room(const gateway::PrincipalPtr& who) {
  const auto before = steady_clock::now() - options_.reconnect_grace;
  SharedSession own, other;
  const auto longer = [](const SharedSession& one, const SharedSession& than) {
    return !than || *one->idle_since() < *than->idle_since();
  };
  for (const auto& [id, session] : sessions_) {
    const auto idle = session->idle_since();
    if (!idle) continue;
    if (session->principal() == who && longer(session, own)) own = session;
    if (*idle < before && longer(session, other)) other = session;
  }
  const SharedSession& longest = own ? own : other;
  if (longest) end(longest, "another needs its place");
  return longest != nullptr;
}

// The answer to the initialize of this id, and the session counts from here on; or why there is none.
asio::awaitable<std::expected<std::string, Response>> Endpoint::open(SharedSession session,
                                                                     std::string client, std::string id) {
  const auto refuse = [&](unsigned status, std::string_view why) {
    return std::unexpected(rpc_error(status, id, mcp::kInternalError, why));
  };
  if (sessions_.size() >= options_.sessions && !make_room(session->principal()))
    co_return refuse(503, "too many sessions");
  auto view = view_of(session, client);
  if (!view) co_return refuse(503, "the gateway is shutting down");
  session->open(std::move(view));
  const auto hello = co_await session->view().hello();
  if (!hello) {
    const bool unknown = hello.error().is(Errc::not_found);
    co_return refuse(unknown ? 404 : 200, hello.error().message());
  }
  if (stopped_ || co_await is_cancelled()) co_return refuse(503, "the gateway is shutting down");
  const gateway::Principal& who = *session->principal();
  if (who.is_over(system_clock::now()))
    co_return std::unexpected(invalid_token("the token has ended meanwhile", id));
  sessions_.emplace(session->id(), session);
  log::debug("session.opened", {{"session", session->view().session_id()},
                                {"address", session->address()},
                                {"who", who.name},
                                {"client", client}});

  const mcp::Revision& revision = session->revision();
  std::string result = R"({"protocolVersion":)" + mcp::quote(revision.name);
  result += R"(,"capabilities":)" + capabilities_served(hello->capabilities, revision);
  result += R"(,"serverInfo":)" + (hello->server_info.empty() ? "{}" : hello->server_info);
  if (!hello->instructions.empty()) result += R"(,"instructions":)" + mcp::quote(hello->instructions);
  co_return mcp::result_line(id, result + "}");
}

Response Endpoint::remove(const Request& request, const Place& place) {
  auto session = find_session(request, place, {});
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

template <class Which>
void Endpoint::end_those(Which which, std::string_view reason) {
  std::vector<SharedSession> over;
  for (const auto& [id, session] : sessions_) {
    if (which(*session)) over.push_back(session);
  }
  for (const auto& session : over) end(session, reason);
}

void Endpoint::connection_closed(std::uint64_t connection) {
  sse_.connection_closed(connection);
  end_those([&](const auto& session) { return session.connection() == connection; }, "its connection closed");
}

void Endpoint::end_sessions_of(const gateway::PrincipalPtr& who) {
  end_those([&](const auto& session) { return session.principal() == who; }, "its token was revoked");
}

asio::awaitable<void> Endpoint::end_idle() {
  const auto least = std::min(options_.session_idle_timeout, options_.reconnect_grace);
  const auto pace = std::clamp<milliseconds>(least / 4, milliseconds(25), kLongestPace);
  while (co_await sleep_until(steady_clock::now() + pace)) {
    const auto now = steady_clock::now();
    sse_.tidy(now);
    end_those(
        [today = system_clock::now()](const auto& session) { return session.principal()->is_over(today); },
        "its token expired");
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
  co_await sse_.stop(deadline);
  for (const auto& session : all) (void)co_await session->ended(deadline);
  (void)co_await group_.join(deadline);
}

}  // namespace

bool is_mcp(std::string_view path) {
  return path == "/messages" || path == "/mcp" || path.starts_with("/mcp/") || path == "/sse" ||
         path.starts_with("/sse/");
}

std::unique_ptr<McpEndpoint> McpEndpoint::create(asio::any_io_executor executor, gateway::Gateway& gateway,
                                                 McpEndpointOptions options) {
  return std::make_unique<Endpoint>(std::move(executor), gateway, options);
}

}  // namespace holdfast::front
