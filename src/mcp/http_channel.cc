#include "mcp/http_channel.h"

#include <algorithm>

#include "base/log.h"
#include "base/mutant.h"
#include "mcp/http_remote.h"
#include "mcp/message.h"
#include "mcp/revision.h"
#include "mcp/splice.h"

namespace holdfast::mcp {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kGoodbye{1};
constexpr std::chrono::seconds kPooled{30};  // that an idle connection is trusted for
constexpr std::size_t kMostPooled = 16;
constexpr milliseconds kLeastRetry{50};  // an endpoint that says 0 would have us do nothing else

// How a server that only knows HTTP+SSE refuses a POST to the address of its stream (2025-11-25,
// "Transports", backwards compatibility).
bool is_of_an_older(unsigned status) { return status == 400 || status == 404 || status == 405; }

}  // namespace

bool is_stream(const net::HttpResponse& head) {
  return head.status == 200 && head.header("Content-Type").value_or("").starts_with("text/event-stream");
}

std::string refusal(const net::HttpResponse& response) {
  std::string text = "HTTP " + std::to_string(response.status);
  std::string body = response.body;
  const auto all = members(PaddedText::in(body));
  if (!all) return text;
  std::string error(member(*all, "error"));
  const auto parts = members(PaddedText::in(error));
  if (const auto message = parts ? decode_string(member(*parts, "message")) : fail(Errc::protocol, "");
      message)
    text += ": " + *message;
  return text;
}

Result<void> HttpRemote::send(std::string line) {
  if (!writable()) return fail(Errc::closed, "send", "the connection is closed");
  if (queued_ + line.size() > options_.queue_limit)
    return fail(Errc::limit, "send", "too much waits to be sent");
  const Message message = Splicer().read(PaddedText::in(line));
  const auto post = std::make_shared<Post>();
  if (message.kind == Kind::request) post->id = message.id.of(line);
  post->initialize = message.method == "initialize";
  if (message.method == "notifications/cancelled") post->withdraws = find(message.params.cancelled.of(line));
  if (!post->id.empty()) requests_[post->id] = post;
  const bool opens = message.method == "notifications/initialized";
  queued_ += line.size();
  queue_.push_back({std::move(line), post, opens});
  drained_.clear();
  more_.set();
  return {};
}

// In their order as far as order matters: nothing overtakes the handshake.
asio::awaitable<void> HttpRemote::pump(std::shared_ptr<HttpRemote> self) {
  while (!over_) {
    const auto next = std::ranges::find_if(queue_, [this](const auto& each) { return has_room(*each.post); });
    if (next == queue_.end()) {
      more_.clear();
      if (!can_write_ || !co_await more_.wait_until(in(kLongest * 52))) co_return;
      continue;
    }
    Queued sent = std::move(*next);
    queue_.erase(next);
    queued_ -= sent.line.size();
    ++(sent.post->id.empty() ? besides_ : under_way_);
    if (sent.post->initialize || sent.opens)
      co_await deliver(self, sent.post, std::move(sent.line));
    else
      tasks_.spawn("mcp.http.post", deliver(self, sent.post, std::move(sent.line)));
    if (sent.opens && !over_ && !by_sse()) tasks_.spawn("mcp.http.listen", listen(self));
    if (queue_.empty()) drained_.set();
  }
}

asio::awaitable<void> HttpRemote::deliver(std::shared_ptr<HttpRemote> self, SharedPost post,
                                          std::string line) {
  if (post->initialize && options_.transport != HttpTransport::streamable)
    co_await choose(post, std::move(line));
  else
    co_await this->post(post, std::move(line));
  --(post->id.empty() ? besides_ : under_way_);
  more_.set();
}

asio::awaitable<void> HttpRemote::post(SharedPost post, std::string line) {
  auto response = co_await exchange(make_request("POST", std::move(line)), post);
  if (post->withdraws) withdraw(post->withdraws);
  const bool parted = response && is_stream(*response) && !post->answered && post->last_event;
  const bool accepted = by_sse() && response && response->status < 300;
  if (response && !over_) take_answer(post, std::move(*response));
  if (accepted || !post->unspoken.empty()) co_return;  // no answer is to come by this way
  const bool broke = !response && post->last_event && !post->answered;
  if ((broke || parted) && !over_) co_await resume(post);
  if (post->withdrawn) post->answered = true;
  if (!response && !over_ && !post->withdrawn) {
    if (response.error().is(Errc::cancelled)) co_return;
    give_up(post, response.error());
  }
  if (!over_ && !post->id.empty()) refuse(post, "the endpoint ended its answer without one");
  forget(post);
}

void HttpRemote::give_up(const SharedPost& post, const Error& why) {
  refuse(post, why.message());
  if (why.code == std::errc::connection_refused || why.code == std::errc::no_such_file_or_directory)
    close("nobody answers at " + place());
}

// Whoever was told that an answer is not wanted need not give one, and might keep the request open for ever.
void HttpRemote::withdraw(const SharedPost& request) {
  if (request->answered) return;
  request->withdrawn = true;
  if (request->wire) request->wire->close();
  forget(request);
}

// The rest of a request's stream, from the last event on. The endpoint may part with us as often as it likes
// (2025-11-25, SSE polling); only tries that bring nothing are counted.
asio::awaitable<void> HttpRemote::resume(SharedPost post) {
  if (kSwitchedOff == Mechanism::taken_up_again) co_return;
  for (int tries = 0; tries < options_.tries && !post->answered && !post->withdrawn && !over_; ++tries) {
    if (!co_await sleep_until(in(post->retry.value_or(options_.retry)))) co_return;
    const auto before = post->last_event;
    auto request = make_request("GET", {});
    request.headers.emplace_back("Last-Event-ID", *before);
    const auto response = co_await exchange(std::move(request), post);
    if (response && !is_stream(*response)) co_return refuse(post, refusal(*response));
    if (post->last_event != before) tries = 0;
  }
}

// What the endpoint says unasked. It need not offer that (405).
asio::awaitable<void> HttpRemote::listen(std::shared_ptr<HttpRemote> self) {
  const auto stream = std::make_shared<Post>();
  milliseconds pause = options_.retry;
  while (!over_) {
    const auto before = stream->last_event;
    auto request = make_request("GET", {});
    if (before) request.headers.emplace_back("Last-Event-ID", *before);
    const auto response = co_await exchange(std::move(request), stream);
    if (over_) co_return;
    if (response && response->status == 404 && !session_.empty())
      co_return close("the session is over: " + refusal(*response));
    if (response && !is_stream(*response) && response->status < 500) co_return;
    const bool heard = response && is_stream(*response);
    pause = heard ? stream->retry.value_or(options_.retry) : std::min(pause * 2, options_.longest_retry);
    if (!co_await sleep_until(in(pause))) co_return;
  }
}

asio::awaitable<Result<HttpRemote::Connection>> HttpRemote::connection() {
  while (!idle_.empty()) {
    Pooled pooled = std::move(idle_.back());
    idle_.pop_back();
    if (steady_clock::now() - pooled.since < kPooled && pooled.connection->usable())
      co_return std::move(pooled.connection);
  }
  co_return co_await net::HttpConnection::connect(options_.url, options_.names, in(options_.connect_timeout));
}

asio::awaitable<Result<net::HttpResponse>> HttpRemote::exchange(net::HttpRequest request, SharedPost post) {
  auto wire = co_await connection();
  if (!wire) co_return forward(wire);
  if (over_ || post->withdrawn) co_return fail(Errc::cancelled, "request");
  const Busy busy(*this, **wire, *post);
  if (post->initialize && options_.bound) request.headers.emplace_back("Holdfast-Bind", "connection");
  const bool without_answer = request.method == "POST" && post->id.empty();
  const auto deadline = without_answer ? in(kAcceptance) : in(kLongest);
  auto response = co_await (*wire)->request(std::move(request), deadline, events_of(post));
  if (post->initialize && options_.bound && response && !session_.empty() && !over_) {
    bound_ = std::move(*wire);
    tasks_.spawn("mcp.http.bound", watch_bound(shared_from_this()));
    co_return response;
  }
  if (!over_ && idle_.size() < kMostPooled && (*wire)->usable())
    idle_.push_back({std::move(*wire), steady_clock::now()});
  co_return response;
}

asio::awaitable<void> HttpRemote::watch_bound(std::shared_ptr<HttpRemote> self) {
  const bool closed = co_await bound_->closed_by_peer(in(kLongest * 52));
  if (closed && !over_) close("it closed the connection");
}

net::HttpRequest HttpRemote::make_request(std::string method, std::string body) const {
  net::HttpRequest request{.method = std::move(method),
                           .target = options_.url.target,
                           .headers = options_.headers,
                           .body = std::move(body),
                           .host = options_.url.host_header()};
  if (request.method == "POST") {
    if (by_sse()) request.target = endpoint_;
    request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("Accept", "application/json, text/event-stream");
  } else {
    request.headers.emplace_back("Accept", "text/event-stream");
  }
  if (!session_.empty()) request.headers.emplace_back("Mcp-Session-Id", session_);
  if (!revision_.empty()) request.headers.emplace_back("MCP-Protocol-Version", revision_);
  return request;
}

net::BodyEvents HttpRemote::events_of(const SharedPost& post) {
  const auto reader = std::make_shared<net::SseReader>(options_.line_limit);
  const auto self = shared_from_this();
  return {.head =
              [self, post](const net::HttpResponse& head) {
                if (post->initialize) self->read_handshake(head);
                return is_stream(head);
              },
          .piece =
              [self, post, reader](std::string_view piece) {
                const auto read = reader->feed(piece, [&](net::SseEvent&& event) {
                  if (post->sse) return self->hear_event(std::move(event), post);
                  if (event.id) post->last_event = std::move(event.id);
                  if (event.retry)
                    post->retry = std::clamp(*event.retry, kLeastRetry, self->options_.longest_retry);
                  if (!event.data.empty()) self->tell(std::move(event.data), post);
                  return !self->over_;
                });
                if (!read && post->sse) self->sse_failure_ = read.error();
                if (!read) self->refuse(post, read.error().message());
                return read && !self->over_;
              },
          .silence = post->sse ? milliseconds(kLongest) : options_.silence};
}

void HttpRemote::read_handshake(const net::HttpResponse& head) {
  if (const auto id = head.header("Mcp-Session-Id")) session_ = *id;
}

void HttpRemote::take_answer(const SharedPost& post, net::HttpResponse response) {
  if (is_stream(response)) return;  // told already
  const bool json = response.header("Content-Type").value_or("").starts_with("application/json");
  if (response.status >= 200 && response.status < 300) {
    if (json && !response.body.empty() && !by_sse()) tell(std::move(response.body), post);
    return;
  }
  const std::string why = refusal(response);
  if (post->initialize && options_.transport == HttpTransport::either && !by_sse() &&
      is_of_an_older(response.status)) {
    post->unspoken = why;
    return;
  }
  const bool forgotten = response.status == 404 && (!session_.empty() || by_sse());
  if (forgotten && events_.undelivered && !post->id.empty()) {
    post->answered = true;
    events_.undelivered(post->id);
  }
  refuse(post, why);
  if (forgotten) close("the session is over: " + why);
}

// What has come, as one line. A listener may end the channel meanwhile.
void HttpRemote::tell(std::string text, const SharedPost& post) {
  if (over_) return;
  put_on_one_line(text);
  const Message message = Splicer().read(PaddedText::in(text));
  const SharedPost asked = post->sse ? find(message.id.of(text)) : post;
  if (message.kind == Kind::response && asked && !asked->id.empty() && message.id.of(text) == asked->id) {
    asked->answered = true;
    if (asked->initialize && message.result) {
      std::string result(message.result.of(text));
      if (const auto all = members(PaddedText::in(result)))
        revision_ = decode_string(member(*all, "protocolVersion")).value_or("");
      const Revision* known = find_revision(revision_);
      if (!known || !known->version_header) revision_.clear();
    }
  }
  const auto self = shared_from_this();
  if (post->sse && asked && asked->answered) forget(asked);
  events_.line(PaddedText::in(text));
}

// The answer to a request that gets none.
void HttpRemote::refuse(const SharedPost& post, std::string_view why) {
  if (post->id.empty()) {
    if (!over_) log::debug("mcp.http_refused", {{"endpoint", place()}, {"reason", why}});
    return;
  }
  if (post->answered) return;
  tell(error_line(post->id, kInternalError, why), post);
  post->answered = true;
}

void HttpRemote::close(const std::string& why) {
  if (over_) return;
  const auto self = shared_from_this();
  end();
  if (events_.closed) events_.closed(Error{make_error_code(Errc::closed), {}, std::string_view(why)});
}

void HttpRemote::release() {
  if (over_) return;
  end();
  if (!session_.empty() && kSwitchedOff != Mechanism::goodbye_there)
    farewell_.spawn("mcp.http.goodbye", say_goodbye(shared_from_this()));
}

asio::awaitable<void> HttpRemote::say_goodbye(std::shared_ptr<HttpRemote> self) {
  auto wire = co_await net::HttpConnection::connect(options_.url, options_.names, in(kGoodbye));
  if (wire) (void)co_await (*wire)->request(make_request("DELETE", {}), in(kGoodbye));
  idle_.clear();
  bound_.reset();
}

namespace {

class HttpChannel final : public Channel {
 public:
  HttpChannel(const asio::any_io_executor& executor, HttpChannelOptions options)
      : remote_(std::make_shared<HttpRemote>(executor, std::move(options))) {}
  ~HttpChannel() override { remote_->release(); }
  void start(Events events) override { remote_->start(std::move(events)); }
  Result<void> send(std::string line) override { return remote_->send(std::move(line)); }
  asio::awaitable<bool> flush(steady_clock::time_point deadline) override { return remote_->flush(deadline); }
  void stop_writing() override { remote_->stop_writing(); }
  void release() override { remote_->release(); }
  [[nodiscard]] bool writable() const override { return remote_->writable(); }

 private:
  std::shared_ptr<HttpRemote> remote_;
};

}  // namespace

std::unique_ptr<Channel> make_http_channel(const asio::any_io_executor& executor,
                                           HttpChannelOptions options) {
  return std::make_unique<HttpChannel>(executor, std::move(options));
}

}  // namespace holdfast::mcp
