#include "mcp/http_channel.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <optional>

#include "base/log.h"
#include "mcp/message.h"
#include "mcp/revision.h"
#include "mcp/splice.h"
#include "net/http_client.h"
#include "net/sse.h"

namespace holdfast::mcp {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::hours kLongest{24 * 7};  // who sent a request bounds it, not this
constexpr std::chrono::seconds kGoodbye{1};
constexpr std::chrono::seconds kPooled{30};  // that an idle connection is trusted for
constexpr std::size_t kMostPooled = 16;

steady_clock::time_point in(std::chrono::nanoseconds time) {
  return steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(time);
}

bool is_stream(const net::HttpResponse& head) {
  return head.status == 200 && head.header("Content-Type").value_or("").starts_with("text/event-stream");
}

// Why the endpoint refused, in its own words where it has some.
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

// One request on its way. Whatever else comes on its stream, it ends with its answer.
struct Post {
  std::string id;  // raw; empty: a notification or an answer, which is only accepted
  bool initialize = false;
  bool answered = false;
  bool withdrawn = false;               // its sender wants no answer any more
  std::shared_ptr<Post> withdraws;      // of a cancellation: the request that it is about
  net::HttpConnection* wire = nullptr;  // that it is under way on
  std::optional<std::string> last_event;
  std::optional<milliseconds> retry;
};
using SharedPost = std::shared_ptr<Post>;

// Shared by the channel and its coroutines, so that an event may destroy the channel.
class Remote : public std::enable_shared_from_this<Remote> {
 public:
  Remote(const asio::any_io_executor& executor, HttpChannelOptions options)
      : options_(std::move(options)),
        more_(executor),
        drained_(executor),
        slot_(executor),
        tasks_(executor),
        farewell_(executor) {
    drained_.set();
  }

  void start(Channel::Events events) {
    events_ = std::move(events);
    tasks_.spawn("mcp.http", pump(shared_from_this()));
  }
  Result<void> send(std::string line);
  asio::awaitable<bool> flush(steady_clock::time_point deadline) {
    const auto self = shared_from_this();
    (void)co_await drained_.wait_until(deadline);
    co_return drained_.is_set() && !over_;
  }
  void stop_writing() {
    can_write_ = false;
    queue_.clear();
    queued_ = 0;
    more_.set();
    drained_.set();
  }
  void release();
  [[nodiscard]] bool writable() const { return can_write_ && !over_; }

 private:
  using Connection = std::unique_ptr<net::HttpConnection>;
  struct Pooled {
    Connection connection;
    steady_clock::time_point since;
  };

  asio::awaitable<void> pump(std::shared_ptr<Remote> self);
  asio::awaitable<void> post(std::shared_ptr<Remote> self, SharedPost post, std::string line);
  asio::awaitable<void> resume(SharedPost post);
  asio::awaitable<void> listen(std::shared_ptr<Remote> self);
  asio::awaitable<void> watch_bound(std::shared_ptr<Remote> self);
  asio::awaitable<void> say_goodbye(std::shared_ptr<Remote> self);
  asio::awaitable<Result<net::HttpResponse>> exchange(net::HttpRequest request, SharedPost post);
  asio::awaitable<Result<Connection>> connection();
  // A connection that a request is under way on: its end may have to be hastened.
  class Busy {
   public:
    Busy(Remote& remote, net::HttpConnection& wire, Post& post)
        : remote_(remote), post_(post), at_(remote.busy_.insert(remote.busy_.end(), &wire)) {
      post_.wire = &wire;
    }
    ~Busy() {
      post_.wire = nullptr;
      remote_.busy_.erase(at_);
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Remote& remote_;
    Post& post_;
    std::list<net::HttpConnection*>::iterator at_;
  };
  net::HttpRequest make_request(std::string method, std::string body) const;
  net::BodyEvents events_of(const SharedPost& post);
  void take_answer(const SharedPost& post, net::HttpResponse response);
  void read_handshake(const net::HttpResponse& head);
  void tell(std::string text, const SharedPost& post);
  void refuse(const SharedPost& post, std::string_view why);
  static void withdraw(Post& request);
  [[nodiscard]] SharedPost find(std::string_view id) const {
    const auto found = requests_.find(id);
    return found == requests_.end() ? nullptr : found->second;
  }
  void close(const std::string& why);
  [[nodiscard]] std::string place() const {
    return options_.url.host.empty() ? options_.url.path : options_.url.host_header();
  }
  void end() {
    over_ = true;
    stop_writing();
    slot_.set();
    tasks_.cancel();
    // A cancellation finds who waits; who is between two waits would go on.
    for (net::HttpConnection* wire : busy_) wire->close();
  }

  HttpChannelOptions options_;
  Channel::Events events_;
  std::deque<std::string> queue_;
  std::size_t queued_ = 0;  // bytes in `queue_`
  std::size_t under_way_ = 0;
  Event more_, drained_, slot_;
  std::vector<Pooled> idle_;
  std::list<net::HttpConnection*> busy_;
  std::map<std::string, SharedPost, std::less<>> requests_;  // by id, under way
  Connection bound_;
  std::string session_, revision_;
  bool can_write_ = true;
  bool over_ = false;           // closed or released: nothing is told any more
  TaskGroup tasks_, farewell_;  // what ends with the channel, and what is said behind it
};

Result<void> Remote::send(std::string line) {
  if (!writable()) return fail(Errc::closed, "send", "the connection is closed");
  if (queued_ + line.size() > options_.queue_limit)
    return fail(Errc::limit, "send", "too much waits to be sent");
  queued_ += line.size();
  queue_.push_back(std::move(line));
  drained_.clear();
  more_.set();
  return {};
}

// In their order as far as order matters: nothing overtakes the handshake.
asio::awaitable<void> Remote::pump(std::shared_ptr<Remote> self) {
  while (!over_) {
    while (queue_.empty()) {
      more_.clear();
      if (!can_write_ || !co_await more_.wait_until(in(kLongest * 52))) co_return;
    }
    std::string line = std::move(queue_.front());
    queue_.pop_front();
    queued_ -= line.size();
    const Message message = Splicer().read(PaddedText::in(line));
    const auto post = std::make_shared<Post>();
    if (message.kind == Kind::request) post->id = message.id.of(line);
    post->initialize = message.method == "initialize";
    if (message.method == "notifications/cancelled")
      post->withdraws = find(message.params.cancelled.of(line));
    if (!post->id.empty()) requests_[post->id] = post;
    const bool handshake = post->initialize || message.method == "notifications/initialized";
    const bool opens = message.method == "notifications/initialized";
    while (under_way_ >= options_.requests && !over_) {
      slot_.clear();
      if (!co_await slot_.wait_until(in(kLongest))) co_return;
    }
    ++under_way_;
    if (handshake)
      co_await this->post(self, post, std::move(line));
    else
      tasks_.spawn("mcp.http.post", this->post(self, post, std::move(line)));
    if (opens && !over_) tasks_.spawn("mcp.http.listen", listen(self));
    if (queue_.empty()) drained_.set();
  }
}

asio::awaitable<void> Remote::post(std::shared_ptr<Remote> self, SharedPost post, std::string line) {
  auto response = co_await exchange(make_request("POST", std::move(line)), post);
  if (post->withdraws) withdraw(*post->withdraws);
  const bool parted = !response || is_stream(*response);
  if (response && !over_) take_answer(post, std::move(*response));
  if (parted && post->last_event && !post->answered && !over_) co_await resume(post);
  if (post->withdrawn) post->answered = true;
  if (!response && !over_ && !post->withdrawn) {
    if (response.error().is(Errc::cancelled)) co_return;
    refuse(post, response.error().message());
    const auto code = response.error().code;
    if (code == std::errc::connection_refused || code == std::errc::no_such_file_or_directory)
      close("nobody answers at " + place());
  }
  if (!over_ && !post->id.empty()) refuse(post, "the endpoint ended its answer without one");
  if (find(post->id) == post) requests_.erase(post->id);
  --under_way_;
  slot_.set();
}

// Whoever was told that an answer is not wanted need not give one, and might keep the request open for ever.
void Remote::withdraw(Post& request) {
  if (request.answered) return;
  request.withdrawn = true;
  if (request.wire) request.wire->close();
}

// The rest of a request's stream, from the last event on. The endpoint may part with us as often as it likes
// (2025-11-25, SSE polling); only tries that bring nothing are counted.
asio::awaitable<void> Remote::resume(SharedPost post) {
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
asio::awaitable<void> Remote::listen(std::shared_ptr<Remote> self) {
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

asio::awaitable<Result<Remote::Connection>> Remote::connection() {
  while (!idle_.empty()) {
    Pooled pooled = std::move(idle_.back());
    idle_.pop_back();
    if (steady_clock::now() - pooled.since < kPooled && pooled.connection->usable())
      co_return std::move(pooled.connection);
  }
  co_return co_await net::HttpConnection::connect(options_.url, options_.names, in(options_.connect_timeout));
}

asio::awaitable<Result<net::HttpResponse>> Remote::exchange(net::HttpRequest request, SharedPost post) {
  auto wire = co_await connection();
  if (!wire) co_return forward(wire);
  if (over_) co_return fail(Errc::cancelled, "request");
  const Busy busy(*this, **wire, *post);
  if (post->initialize && options_.bound) request.headers.emplace_back("Holdfast-Bind", "connection");
  auto response = co_await (*wire)->request(std::move(request), in(kLongest), events_of(post));
  if (post->initialize && options_.bound && response && !session_.empty() && !over_) {
    bound_ = std::move(*wire);
    tasks_.spawn("mcp.http.bound", watch_bound(shared_from_this()));
    co_return response;
  }
  if (!over_ && idle_.size() < kMostPooled && (*wire)->usable())
    idle_.push_back({std::move(*wire), steady_clock::now()});
  co_return response;
}

asio::awaitable<void> Remote::watch_bound(std::shared_ptr<Remote> self) {
  const bool closed = co_await bound_->closed_by_peer(in(kLongest * 52));
  if (closed && !over_) close("it closed the connection");
}

net::HttpRequest Remote::make_request(std::string method, std::string body) const {
  net::HttpRequest request{.method = std::move(method),
                           .target = options_.url.target,
                           .headers = options_.headers,
                           .body = std::move(body),
                           .host = options_.url.host_header()};
  if (request.method == "POST") {
    request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("Accept", "application/json, text/event-stream");
  } else {
    request.headers.emplace_back("Accept", "text/event-stream");
  }
  if (!session_.empty()) request.headers.emplace_back("Mcp-Session-Id", session_);
  if (!revision_.empty()) request.headers.emplace_back("MCP-Protocol-Version", revision_);
  return request;
}

net::BodyEvents Remote::events_of(const SharedPost& post) {
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
                  if (event.id) post->last_event = std::move(event.id);
                  if (event.retry) post->retry = std::min(*event.retry, self->options_.longest_retry);
                  if (!event.data.empty()) self->tell(std::move(event.data), post);
                  return !self->over_;
                });
                if (!read) self->refuse(post, read.error().message());
                return read && !self->over_;
              },
          .silence = options_.silence};
}

void Remote::read_handshake(const net::HttpResponse& head) {
  if (const auto id = head.header("Mcp-Session-Id")) session_ = *id;
}

void Remote::take_answer(const SharedPost& post, net::HttpResponse response) {
  if (is_stream(response)) return;  // told already
  const bool json = response.header("Content-Type").value_or("").starts_with("application/json");
  if (response.status >= 200 && response.status < 300) {
    if (json && !response.body.empty()) tell(std::move(response.body), post);
    return;
  }
  const std::string why = refusal(response);
  const bool forgotten = response.status == 404 && !session_.empty();
  if (forgotten && events_.undelivered && !post->id.empty()) {
    post->answered = true;
    events_.undelivered(post->id);
  }
  refuse(post, why);
  if (forgotten) close("the session is over: " + why);
}

// What has come, as one line. A listener may end the channel meanwhile.
void Remote::tell(std::string text, const SharedPost& post) {
  if (over_) return;
  put_on_one_line(text);
  const Message message = Splicer().read(PaddedText::in(text));
  if (message.kind == Kind::response && !post->id.empty() && message.id.of(text) == post->id) {
    post->answered = true;
    if (post->initialize && message.result) {
      std::string result(message.result.of(text));
      if (const auto all = members(PaddedText::in(result)))
        revision_ = decode_string(member(*all, "protocolVersion")).value_or("");
      const Revision* known = find_revision(revision_);
      if (!known || !known->version_header) revision_.clear();
    }
  }
  const auto self = shared_from_this();
  events_.line(PaddedText::in(text));
}

// The answer to a request that gets none.
void Remote::refuse(const SharedPost& post, std::string_view why) {
  if (post->id.empty()) {
    if (!over_) log::debug("mcp.http_refused", {{"endpoint", place()}, {"reason", why}});
    return;
  }
  if (post->answered) return;
  tell(error_line(post->id, kInternalError, why), post);
  post->answered = true;
}

void Remote::close(const std::string& why) {
  if (over_) return;
  const auto self = shared_from_this();
  end();
  if (events_.closed) events_.closed(Error{make_error_code(Errc::closed), {}, std::string_view(why)});
}

void Remote::release() {
  if (over_) return;
  end();
  if (!session_.empty()) farewell_.spawn("mcp.http.goodbye", say_goodbye(shared_from_this()));
}

asio::awaitable<void> Remote::say_goodbye(std::shared_ptr<Remote> self) {
  auto wire = co_await net::HttpConnection::connect(options_.url, options_.names, in(kGoodbye));
  if (wire) (void)co_await (*wire)->request(make_request("DELETE", {}), in(kGoodbye));
  idle_.clear();
  bound_.reset();
}

class HttpChannel final : public Channel {
 public:
  HttpChannel(const asio::any_io_executor& executor, HttpChannelOptions options)
      : remote_(std::make_shared<Remote>(executor, std::move(options))) {}
  ~HttpChannel() override { remote_->release(); }
  void start(Events events) override { remote_->start(std::move(events)); }
  Result<void> send(std::string line) override { return remote_->send(std::move(line)); }
  asio::awaitable<bool> flush(steady_clock::time_point deadline) override { return remote_->flush(deadline); }
  void stop_writing() override { remote_->stop_writing(); }
  void release() override { remote_->release(); }
  [[nodiscard]] bool writable() const override { return remote_->writable(); }

 private:
  std::shared_ptr<Remote> remote_;
};

}  // namespace

std::unique_ptr<Channel> make_http_channel(const asio::any_io_executor& executor,
                                           HttpChannelOptions options) {
  return std::make_unique<HttpChannel>(executor, std::move(options));
}

}  // namespace holdfast::mcp
