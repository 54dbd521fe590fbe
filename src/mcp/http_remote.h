// What an HTTP channel is: lines that wait, requests on their way, connections that are kept. Of two
// transports, Streamable HTTP (http_channel.cc) and the one before it (sse_channel.cc), which differ in how a
// request gets its answer. Used by these two only.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/http_channel.h"
#include "net/http_client.h"
#include "net/sse.h"

namespace holdfast::mcp {

inline constexpr std::chrono::hours kLongest{24 * 7};   // who sent a request bounds it, not this
inline constexpr std::chrono::seconds kAcceptance{30};  // of what has no answer: nobody else bounds it
inline constexpr std::size_t kBesides = 64;             // of these, under way

inline std::chrono::steady_clock::time_point in(std::chrono::nanoseconds time) {
  using std::chrono::steady_clock;
  return steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(time);
}

// An answer that goes on as a stream of events.
bool is_stream(const net::HttpResponse& head);
// Why the endpoint refused, in its own words where it has some.
std::string refusal(const net::HttpResponse& response);

// Shared by the channel and its coroutines, so that an event may destroy the channel.
class HttpRemote : public std::enable_shared_from_this<HttpRemote> {
 public:
  HttpRemote(const asio::any_io_executor& executor, HttpChannelOptions options)
      : options_(std::move(options)),
        more_(executor),
        drained_(executor),
        named_(executor),
        tasks_(executor),
        farewell_(executor) {
    drained_.set();
  }

  void start(Channel::Events events) {
    events_ = std::move(events);
    tasks_.spawn("mcp.http", pump(shared_from_this()));
  }
  Result<void> send(std::string line);
  asio::awaitable<bool> flush(std::chrono::steady_clock::time_point deadline) {
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
    bool sse = false;      // the one stream of HTTP+SSE
    std::string unspoken;  // of initialize: how an endpoint refused it that may not know Streamable HTTP
  };
  using SharedPost = std::shared_ptr<Post>;
  struct Queued {
    std::string line;
    SharedPost post;
    bool opens;  // `notifications/initialized`
  };
  using Connection = std::unique_ptr<net::HttpConnection>;
  struct Pooled {
    Connection connection;
    std::chrono::steady_clock::time_point since;
  };

  asio::awaitable<void> pump(std::shared_ptr<HttpRemote> self);
  // What lets a request go (its cancellation, the answer to a question of its server) never waits behind it.
  [[nodiscard]] bool has_room(const Post& post) const {
    return post.id.empty() ? besides_ < kBesides : under_way_ < options_.requests;
  }
  asio::awaitable<void> deliver(std::shared_ptr<HttpRemote> self, SharedPost post, std::string line);
  asio::awaitable<void> post(SharedPost post, std::string line);
  asio::awaitable<void> resume(SharedPost post);
  asio::awaitable<void> listen(std::shared_ptr<HttpRemote> self);
  asio::awaitable<void> watch_bound(std::shared_ptr<HttpRemote> self);
  asio::awaitable<void> say_goodbye(std::shared_ptr<HttpRemote> self);
  asio::awaitable<Result<net::HttpResponse>> exchange(net::HttpRequest request, SharedPost post);
  asio::awaitable<Result<Connection>> connection();
  // A connection that a request is under way on: its end may have to be hastened.
  class Busy {
   public:
    Busy(HttpRemote& remote, net::HttpConnection& wire, Post& post)
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
    HttpRemote& remote_;
    Post& post_;
    std::list<net::HttpConnection*>::iterator at_;
  };
  net::HttpRequest make_request(std::string method, std::string body) const;
  net::BodyEvents events_of(const SharedPost& post);
  void take_answer(const SharedPost& post, net::HttpResponse response);
  void read_handshake(const net::HttpResponse& head);
  void tell(std::string text, const SharedPost& post);
  void refuse(const SharedPost& post, std::string_view why);
  void withdraw(const SharedPost& request);
  void give_up(const SharedPost& post, const Error& why);
  [[nodiscard]] SharedPost find(std::string_view id) const {
    const auto found = requests_.find(id);
    return found == requests_.end() ? nullptr : found->second;
  }
  void forget(const SharedPost& post) {
    if (find(post->id) == post) requests_.erase(post->id);
  }
  void close(const std::string& why);
  [[nodiscard]] std::string place() const {
    return options_.url.host.empty() ? options_.url.path : options_.url.host_header();
  }
  void end() {
    over_ = true;
    stop_writing();
    tasks_.cancel();
    // A cancellation finds who waits; who is between two waits would go on.
    for (net::HttpConnection* wire : busy_) wire->close();
  }

  // ---- HTTP+SSE (sse_channel.cc)
  asio::awaitable<void> choose(SharedPost initialize, std::string line);
  asio::awaitable<Result<void>> open_sse();
  asio::awaitable<void> hear_sse(std::shared_ptr<HttpRemote> self, SharedPost stream);
  bool hear_event(net::SseEvent&& event, const SharedPost& stream);
  [[nodiscard]] bool by_sse() const { return !endpoint_.empty(); }

  HttpChannelOptions options_;
  Channel::Events events_;
  std::deque<Queued> queue_;
  std::size_t queued_ = 0;                   // bytes in `queue_`
  std::size_t under_way_ = 0, besides_ = 0;  // requests, and what has no answer
  Event more_, drained_;                     // more_: something to send, or room for it
  std::vector<Pooled> idle_;
  std::list<net::HttpConnection*> busy_;
  std::map<std::string, SharedPost, std::less<>> requests_;  // by id, under way
  Connection bound_;
  std::string session_, revision_;
  std::string endpoint_;              // of HTTP+SSE: where messages go; empty: Streamable HTTP
  Event named_;                       // that is known now, or will never be
  std::optional<Error> sse_failure_;  // why not, or why its stream is over
  bool can_write_ = true;
  bool over_ = false;           // closed or released: nothing is told any more
  TaskGroup tasks_, farewell_;  // what ends with the channel, and what is said behind it
};

}  // namespace holdfast::mcp
