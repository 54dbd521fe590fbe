#include "front/mcp_session.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "base/field_name.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mutant.h"
#include "front/request.h"
#include "mcp/log_level.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"
#include "mcp/splice.h"

namespace holdfast::front {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::hours kLongest{24 * 7};  // the server's callTimeout bounds a request, not this
constexpr std::chrono::seconds kCancelGrace{30};
// A message that a revision lacks does not reach its wire.
bool carries(const mcp::Revision& revision, std::string_view method, std::string_view params) {
  if (method == "elicitation/create")
    return revision.elicitation && (revision.url_elicitation || mcp::text_member(params, "mode") != "url");
  if (method == "notifications/elicitation/complete") return revision.url_elicitation;
  if (method.starts_with("notifications/tasks/") || method.starts_with("tasks/")) return revision.tasks;
  return true;
}

// `id` is empty for a notification.
std::string message_line(std::string_view id, std::string_view method, std::string_view params) {
  std::string line = R"({"jsonrpc":"2.0",)";
  line.reserve(params.size() + method.size() + 80);
  if (!id.empty()) line.append(R"("id":)").append(id).append(",");
  line.append(R"("method":)").append(mcp::quote(method));
  if (!params.empty()) line.append(R"(,"params":)").append(params);
  line.append("}");
  return line;
}

std::string line_of(const std::string& id, const Result<mcp::Reply>& reply) {
  if (!reply) {
    const bool cancelled = reply.error().is(Errc::cancelled);
    return mcp::error_line(id, cancelled ? mcp::kCancelled : mcp::kInternalError, reply.error().message());
  }
  if (reply->error) return mcp::error_line(id, reply->error->code, reply->error->message, reply->error->data);
  return mcp::result_line(id, reply->result);
}

}  // namespace

// One request on its way; shared by who awaits it and who may cancel it.
struct McpSession::Call {
  Call(const asio::any_io_executor& executor, gateway::CallNumber given, const Envelope& request,
       bool streams)
      : number(given),
        id(request.id),
        token(request.token),
        may_stream(streams),
        group(executor),
        decided(executor) {}
  const gateway::CallNumber number;
  const std::string id, token;  // the client's own, raw
  const bool may_stream;
  std::optional<mcp::LogLevel> level;  // what it sets
  bool withdrawn = false;              // by its client, who wants no answer any more (spec, "Cancellation")
  std::string line;                    // the answer, if there is no stream
  std::optional<EventStream> stream;   // from the first thing that is said before the answer
  std::shared_ptr<BodyStream> body;    // its first listener, for whoever awaits
  TaskGroup group;
  Event decided;  // a line or a stream is there
};

struct McpSession::Question {
  explicit Question(const asio::any_io_executor& executor) : settled(executor) {}
  Event settled;
  Result<mcp::Reply> reply = fail(Errc::closed, "ask", "the client is gone");
};

ClientFacts client_facts(const std::string& params) {
  ClientFacts facts;
  std::string text = params, info;
  const auto all = mcp::members(mcp::PaddedText::in(text));
  if (!all) return facts;
  facts.revision = mcp::decode_string(mcp::member(*all, "protocolVersion")).value_or("");
  if (const auto raw = mcp::member(*all, "capabilities"); raw.starts_with('{')) facts.capabilities = raw;
  if (auto name = mcp::text_member(mcp::member(*all, "clientInfo"), "name"); !name.empty())
    facts.name = std::move(name);
  facts.name.resize(std::min<std::size_t>(facts.name.size(), 64));
  return facts;
}

std::optional<std::string> McpSession::header(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [key, value] : headers_) {
    if (!same_field(key, name)) continue;
    if (found && *found != value) return std::nullopt;
    found = value;
  }
  return found;
}

McpSession::McpSession(asio::any_io_executor executor, McpSessionOptions options, std::string address,
                       gateway::PrincipalPtr who, const ClientFacts& client, std::uint64_t connection)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      id_(random_hex(16)),
      address_(std::move(address)),
      principal_(std::move(who)),
      revision_(mcp::negotiate(client.revision)),
      connection_(connection),
      profile_{.revision = std::string(revision_.name), .capabilities = client.capabilities},
      headers_(client.headers),
      log_(options_.replay, options_.backlog) {}

asio::awaitable<McpSession::Answer> McpSession::call(Envelope request, bool may_stream) {
  const auto self = shared_from_this();
  auto begun = begin(std::move(request), may_stream);
  if (!begun) co_return Answer{std::move(begun.error())};
  co_return co_await outcome(std::move(*begun));
}

void McpSession::take(Envelope message) {
  if (message.kind != Envelope::Kind::request) return hear(message);
  if (const auto begun = begin(std::move(message), false); !begun) unasked_.say(begun.error());
}

asio::awaitable<std::string> McpSession::batch(std::vector<Envelope> messages) {
  const auto self = shared_from_this();
  std::vector<SharedCall> calls;
  std::vector<std::string> lines;
  using Kind = Envelope::Kind;
  for (Envelope& message : messages) {
    if (message.kind == Kind::notification || message.kind == Kind::response) {
      hear(message);
    } else if (message.kind != Kind::request) {
      const std::string_view problem =
          message.kind == Kind::batch ? "a batch in a batch" : std::string_view(message.problem);
      lines.push_back(mcp::error_line(message.id, mcp::kInvalidRequest, problem));
    } else if (auto begun = begin(std::move(message), false)) {
      calls.push_back(std::move(*begun));
    } else {
      lines.push_back(std::move(begun.error()));
    }
  }
  for (auto& call : calls) lines.push_back((co_await outcome(std::move(call))).line);
  std::erase(lines, "");
  std::string all;
  for (const auto& line : lines) all.append(all.empty() ? "[" : ",").append(line);
  co_return all.empty() ? all : all += "]";
}

// The call, under way; or the line that answers it at once.
std::expected<McpSession::SharedCall, std::string> McpSession::begin(Envelope request, bool may_stream) {
  last_used_ = steady_clock::now();
  const auto refuse = [&](std::int64_t code, std::string_view why) {
    return std::unexpected(mcp::error_line(request.id, code, why));
  };
  if (request.method == "ping") return std::unexpected(mcp::result_line(request.id, "{}"));
  if (request.method == "initialize") return refuse(mcp::kInvalidRequest, "already initialized");
  if (find(request.id) && kSwitchedOff != Mechanism::one_request_of_an_id)
    return refuse(mcp::kInvalidRequest, "a request with this id is in flight");
  if (in_flight_.size() >= options_.requests)
    return refuse(mcp::kInternalError, "too many requests in flight");
  const auto call = std::make_shared<Call>(executor_, ++calls_, request, may_stream);
  if (request.method == "logging/setLevel") call->level = mcp::log_level_in(request.params);
  in_flight_.emplace(call->number, call);
  call->group.spawn("mcp.request", run(call, std::move(request.method), std::move(request.params)));
  return call;
}

asio::awaitable<McpSession::Answer> McpSession::outcome(SharedCall call) {
  const auto patience = call->may_stream ? options_.stream_after : milliseconds(kLongest);
  // In a batch the client may have gone while another of its calls was waited for.
  if (co_await is_cancelled() || !co_await call->decided.wait_until(steady_clock::now() + patience)) {
    if (call->may_stream && !co_await is_cancelled()) {
      begin_stream(*call);
    } else {
      call->group.cancel();  // the client is gone, or the gateway stops
      (void)co_await call->decided.wait_until(steady_clock::now() + kCancelGrace);
    }
  }
  co_return Answer{std::move(call->line), std::move(call->body)};
}

asio::awaitable<void> McpSession::run(SharedCall call, std::string method, std::string params) {
  const auto self = shared_from_this();
  gateway::CallOptions options;
  options.number = call->number;
  if (!call->token.empty()) {
    options.progress = [weak = weak_from_this(), number = call->number](std::string_view progress) {
      if (const auto session = weak.lock()) session->progress(number, progress);
    };
  }
  Result<mcp::Reply> reply = fail(Errc::limit, "request", "there is no memory for it");
  try {
    reply = co_await view_->request(method, params, std::move(options));
  } catch (const std::bad_alloc&) {  // costs this call, and nobody else
  }
  if (reply && !reply->error && call->level) least_level_ = *call->level;
  finish(call, reply);
}

void McpSession::finish(const SharedCall& call, const Result<mcp::Reply>& reply) {
  in_flight_.erase(call->number);
  last_used_ = steady_clock::now();
  std::string line = line_of(call->id, reply);
  if (call->withdrawn) {
    if (call->stream) call->stream->finish();
  } else if (call->stream) {
    call->stream->answer(
        line, mcp::error_line(call->id, mcp::kInternalError, "the answer was too large to be kept for you"));
    call->stream->finish();
  } else if (one_stream_) {
    unasked_.say(line);
  } else {
    call->line = std::move(line);
  }
  call->decided.set();
}

std::shared_ptr<BodyStream> McpSession::new_body() const {
  return std::make_shared<BodyStream>(executor_, options_.stream_limit, std::string(kSseKeepAlive),
                                      options_.backlog);
}

std::optional<milliseconds> McpSession::priming() const {
  return revision_.priming_event ? std::optional(options_.retry) : std::nullopt;
}

void McpSession::begin_stream(Call& call) {
  if (call.stream) return;
  call.stream.emplace(log_, ++streams_);
  call.body = new_body();
  call.stream->listen(call.body, {}, priming());
  call.decided.set();
}

McpSession::SharedCall McpSession::find(std::string_view id) const {
  const auto at = std::ranges::find_if(in_flight_, [&](const auto& one) { return one.second->id == id; });
  return at == in_flight_.end() ? nullptr : at->second;
}

// On exactly one stream: the request's own, as long as there is one; else the one that belongs to none.
void McpSession::say(gateway::CallNumber number, std::string_view line) {
  if (ended_) return;
  const auto at = in_flight_.find(number);
  if (at == in_flight_.end() || !at->second->may_stream) return unasked_.say(line);
  begin_stream(*at->second);
  at->second->stream->say(line);
}

void McpSession::progress(gateway::CallNumber number, std::string_view params) {
  const auto at = in_flight_.find(number);
  if (at == in_flight_.end() || at->second->token.empty()) return;  // it has its answer, or asked for none
  std::string text(params);
  const auto read = mcp::Splicer().read_params(mcp::PaddedText::in(text));
  if (!read || !read->progress) return;
  text.replace(read->progress.offset, read->progress.size, at->second->token);
  say(number, message_line({}, "notifications/progress", text));
}

void McpSession::notified(std::string_view, std::string_view method, std::string_view params,
                          gateway::CallNumber number) {
  if (!carries(revision_, method, params)) return;
  if (method == "notifications/progress") return progress(number, params);
  if (method == "notifications/message" && least_level_ > 0 &&
      mcp::log_level_in(params).value_or(least_level_) < least_level_)
    return;
  say(number, message_line({}, method, params));
}

asio::awaitable<Result<mcp::Reply>> McpSession::asked(std::string server, std::string method,
                                                      std::string params, gateway::CallNumber number) {
  const auto self = shared_from_this();
  if (ended_) co_return fail(Errc::closed, "ask", "the client is gone");
  if (!carries(revision_, method, params)) {
    co_return mcp::Reply{{},
                         mcp::RpcError{mcp::kMethodNotFound, "not of the client's revision: " + method, {}}};
  }
  if (asked_.size() >= options_.questions) co_return fail(Errc::limit, "ask", "too many questions wait");
  const auto question = std::make_shared<Question>(executor_);
  const std::string id = "\"hf-" + std::to_string(++questions_) + "\"";
  asked_.emplace(id, question);
  say(number, message_line(id, method, params));
  const bool settled = co_await question->settled.wait_until(steady_clock::now() + options_.question_timeout);
  asked_.erase(id);
  if (settled) co_return std::move(question->reply);
  const bool withdrawn = co_await is_cancelled();
  log::debug("session.unanswered",
             {{"session", view_->session_id()}, {"server", server}, {"method", method}});
  say(number, message_line({}, "notifications/cancelled",
                           R"({"requestId":)" + id + R"(,"reason":")" +
                               (withdrawn ? "withdrawn" : "no answer in time") + "\"}"));
  co_return withdrawn ? fail(Errc::cancelled, "ask")
                      : fail(Errc::timeout, "ask", "the client did not answer");
}

void McpSession::hear(const Envelope& message) {
  last_used_ = steady_clock::now();
  if (message.kind == Envelope::Kind::response) return answered(message);
  if (message.method == "notifications/cancelled") {
    if (const auto call = find(message.cancelled)) {
      call->withdrawn = kSwitchedOff != Mechanism::cancelled_is_unanswered;
      call->group.cancel();
    }
  } else if (message.method != "notifications/initialized") {
    if (const auto sent = view_->notify(message.method, message.params); !sent)
      log::debug("session.notify_failed", {{"address", address_}, {"error", sent.error().message()}});
  }
}

void McpSession::answered(const Envelope& response) {
  const auto at = asked_.find(response.id);
  if (at == asked_.end()) return;  // withdrawn, or never asked
  std::string error = response.error;
  mcp::Reply reply{response.result, {}};
  if (!error.empty()) reply.error = mcp::read_error(mcp::PaddedText::in(error));
  at->second->reply = std::move(reply);
  at->second->settled.set();
}

std::expected<std::shared_ptr<BodyStream>, McpSession::Refused> McpSession::listen(
    std::optional<std::string_view> last_event) {
  last_used_ = steady_clock::now();
  const auto last = last_event ? parse_event_id(*last_event) : std::nullopt;
  if (last_event && (!last || last->stream > streams_)) return std::unexpected(Refused::unknown_event);
  if (!last && unasked_.listened()) return std::unexpected(Refused::occupied);
  const auto body = new_body();
  if (!last || last->stream == 0) {
    if (last)
      unasked_.listen(body, last->number, {});
    else
      unasked_.listen(body, {}, priming());
    return body;
  }
  const auto live = std::ranges::find_if(in_flight_, [&](const auto& one) {
    return one.second->stream && one.second->stream->number() == last->stream;
  });
  if (live != in_flight_.end()) {
    live->second->stream->listen(body, last->number, {});
  } else {  // its answer came, if at all, while nobody listened
    for (const Piece& piece : log_.after(*last)) body->write(piece);
    body->finish();
  }
  return body;
}

std::optional<steady_clock::time_point> McpSession::idle_since() const {
  if (!in_flight_.empty() || unasked_.listened() || connection_ != 0) return std::nullopt;
  return last_used_;
}

std::string_view McpSession::over(steady_clock::time_point now, milliseconds idle, milliseconds grace) const {
  if (!idle_since()) return {};
  if (now - last_used_ > idle) return "idle";
  const auto left = unasked_.left_at();
  if (left && now - std::max(*left, last_used_) > grace) return "its client did not come back";
  return {};
}

void McpSession::end() {
  ended_ = true;
  const auto calls = in_flight_;
  for (const auto& [number, call] : calls) call->group.cancel();
  for (const auto& [id, question] : asked_) question->settled.set();
  unasked_.finish();
}

asio::awaitable<bool> McpSession::ended(steady_clock::time_point deadline) {
  const auto self = shared_from_this();
  const auto calls = in_flight_;
  bool all = true;
  for (const auto& [number, call] : calls) all = co_await call->group.join(deadline) && all;
  co_return all;
}

}  // namespace holdfast::front
