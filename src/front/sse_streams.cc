#include "front/sse_streams.h"

#include <utility>
#include <vector>

#include "base/ids.h"
#include "front/mcp_answer.h"
#include "mcp/message.h"

namespace holdfast::front {

using std::chrono::steady_clock;
using Kind = Envelope::Kind;

struct SseStreams::Stream {
  Stream(const asio::any_io_executor& executor, const SseOptions& options, Caller of)
      : caller(std::move(of)),
        body(std::make_shared<BodyStream>(executor, options.stream_limit, std::string(kSseKeepAlive),
                                          options.backlog)),
        group(executor) {}
  const std::string id = random_hex(16);
  const Caller caller;
  const std::shared_ptr<BodyStream> body;
  const steady_clock::time_point since = steady_clock::now();
  bool greeted = false;  // initialize has come, and was not refused
  std::weak_ptr<McpSession> session;
  TaskGroup group;  // the greeting

  [[nodiscard]] bool is_over() const { return !body->open() && group.running() == 0; }
  void say(std::string_view event, std::string_view data) {
    body->write(std::make_shared<const std::string>(named_event(event, data)));
  }
};

Response SseStreams::open(const Request& request, Caller caller) {
  if (request.method != "GET") return method_not_allowed("GET");
  const auto accept = request.header("Accept");
  if (accept && !mentions(accept, "text/event-stream") && !mentions(accept, "*/*"))
    return rpc_error(406, {}, mcp::kServerError, "Accept must list text/event-stream");
  if (stopped_) return rpc_error(503, {}, mcp::kInternalError, "the gateway is shutting down");
  if (streams_.size() >= options_.streams)
    return rpc_error(503, {}, mcp::kInternalError, "too many sessions");
  const auto stream = std::make_shared<Stream>(executor_, options_, std::move(caller));
  stream->say("endpoint", "/messages?session=" + stream->id);
  streams_.emplace(stream->id, stream);
  return event_stream(stream->body);
}

Response SseStreams::post(const Request& request, const gateway::PrincipalPtr& who) {
  if (request.method != "POST") return method_not_allowed("POST");
  const auto id = request.query("session");
  if (!id) return rpc_error(400, {}, mcp::kServerError, "`session` is missing");
  const auto found = streams_.find(*id);
  if (found == streams_.end() || found->second->caller.who != who || !found->second->body->open())
    return rpc_error(404, {}, mcp::kUnknownSession, "no such session");
  auto message = message_of(request);
  if (!message) return std::move(message.error());
  if (message->kind == Kind::batch)
    return rpc_error(400, {}, mcp::kInvalidRequest, "batches are not of this session's revision");
  const SharedStream stream = found->second;
  if (const auto session = stream->session.lock()) {
    session->take(*std::move(message));
    return {.status = 202, .body = {}, .headers = {}};
  }
  if (message->kind != Kind::request || message->method != "initialize" || stream->greeted)
    return rpc_error(400, owed_id(*message), mcp::kInvalidRequest, "a session begins with one initialize");
  stream->greeted = true;
  stream->group.spawn("mcp.greeting", greet(stream, *std::move(message)));
  return {.status = 202, .body = {}, .headers = {}};
}

asio::awaitable<void> SseStreams::greet(SharedStream stream, Envelope initialize) {
  const Greeting greeting = co_await greet_(stream->caller, std::move(initialize));
  stream->greeted = greeting.session != nullptr;
  stream->session = greeting.session;
  stream->say("message", greeting.line);
  // What it was told before waits for this.
  if (greeting.session) greeting.session->give_stream(stream->body);
  if (!stream->body->open()) streams_.erase(stream->id);
}

// Whoever is in the middle of its greeting goes when that has ended.
void SseStreams::end(const SharedStream& stream) {
  const SharedStream kept = stream;
  kept->body->finish();
  kept->group.cancel();
  if (kept->is_over()) streams_.erase(kept->id);
}

void SseStreams::connection_closed(std::uint64_t connection) {
  std::vector<SharedStream> gone;
  for (const auto& [id, stream] : streams_) {
    if (stream->caller.connection == connection) gone.push_back(stream);
  }
  for (const auto& stream : gone) end(stream);
}

void SseStreams::tidy(steady_clock::time_point now) {
  std::vector<SharedStream> late;
  for (const auto& [id, stream] : streams_) {
    if (!stream->greeted && now - stream->since > options_.patience) late.push_back(stream);
  }
  for (const auto& stream : late) end(stream);
  std::erase_if(streams_, [](const auto& one) { return one.second->is_over(); });
}

asio::awaitable<void> SseStreams::stop(steady_clock::time_point deadline) {
  stopped_ = true;
  std::vector<SharedStream> all;
  for (const auto& [id, stream] : streams_) all.push_back(stream);
  for (const auto& stream : all) end(stream);
  for (const auto& stream : all) (void)co_await stream->group.join(deadline);
}

}  // namespace holdfast::front
