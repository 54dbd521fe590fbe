#include "cli/connect.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "front/envelope.h"
#include "mcp/http_channel.h"
#include "mcp/message.h"
#include "mcp/raw_json.h"
#include "mcp/skim.h"
#include "mcp/splice.h"
#include "os/signals.h"

namespace holdfast::cli {

using boost::system::error_code;
using front::Envelope;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kReadSize = 64U << 10;
constexpr std::size_t kQueueBytes = 4U << 20;   // lines read ahead of their turn
constexpr std::chrono::hours kLongest{24 * 7};  // the server's callTimeout ends a call, not this
constexpr std::chrono::seconds kConnect{10};
constexpr milliseconds kAgain{200};            // between two looks for a gateway that went away
constexpr std::size_t kMostRemembered = 1000;  // subscriptions, for a gateway that is restarted
constexpr std::chrono::seconds kGoodbye{1};

steady_clock::time_point in(std::chrono::nanoseconds time) {
  return steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(time);
}

// What a client may ask before the handshake: a ping, and whether we speak a newer era (the answer by which
// it falls back to the handshake).
std::string before_session(const Envelope& message) {
  if (message.method == "ping") return mcp::result_line(message.id, "{}");
  if (message.method == "server/discover")
    return mcp::error_line(message.id, mcp::kMethodNotFound, "Method not found: server/discover");
  return mcp::error_line(message.id, mcp::kInvalidRequest, "not initialized");
}

// The answer to what was too long to be kept. Its id comes from a text that nobody checked; and that of an
// answer is the gateway's, not the client's.
std::string overlong_line(const mcp::Skimmed& line, std::size_t limit) {
  const bool legible = line.id.starts_with('"') ? mcp::well_formed(line.id) : mcp::is_number(line.id);
  return mcp::error_line(legible && !line.is_answer() ? line.id : "", mcp::kInvalidRequest,
                         "the message of " + std::to_string(line.size) +
                             " bytes is longer than the limit of " + std::to_string(limit));
}

// That the gateway has no such server, and which it has; empty: it has.
std::string unknown_server(std::string_view listing, const std::string& name) {
  if (name.empty()) return {};
  const auto json = Json::parse(listing, nullptr, false);
  std::string others;
  for (const auto& row : json.is_object() ? json.value("servers", Json::array()) : Json::array()) {
    const auto other = text_of(row, "name");
    if (other == name) return {};
    others += (others.empty() ? "" : ", ") + other;
  }
  return "no such server: " + name + "; the gateway has " + (others.empty() ? "none" : others);
}

// A descriptor that is lent: blocking again, and open, when the bridge has ended.
class Lent {
 public:
  Lent(asio::io_context& loop, int fd) : stream(loop) {
    error_code ec;
    stream.assign(fd, ec);
  }
  ~Lent() {
    if (!stream.is_open()) return;
    error_code ignored;
    stream.native_non_blocking(false, ignored);
    stream.release();
  }
  asio::posix::stream_descriptor stream;
};

class Bridge {
 public:
  Bridge(asio::io_context& loop, Context& context, Address address, const std::string& server,
         BridgeOptions options)
      : context_(context),
        address_(std::move(address)),
        server_(server),
        options_(options),
        executor_(loop.get_executor()),
        in_(loop, options.in),
        out_(loop, options.out),
        signals_(loop, SIGINT, SIGTERM) {}

  // Sets `code` and lets the loop run out.
  asio::awaitable<void> run(int* code);

 private:
  struct Line {
    std::string text;
    std::optional<mcp::Skimmed> overlong;  // then all that is known of it
  };
  // A request of the client's that wants an answer.
  struct Asked {
    bool sent = false;       // else it waits for its turn
    bool withdrawn = false;  // there: the client cancelled it
  };

  asio::awaitable<std::expected<void, int>> reach();
  asio::awaitable<void> read_lines();
  void take_lines(std::string_view chunk);
  asio::awaitable<void> dispatch_lines();
  asio::awaitable<void> dispatch(std::string line);
  asio::awaitable<void> request_in_turn(std::string id, std::string line);
  void pass_on(std::string line,
               const std::string& id = {});  // `id`: of a request, which is answered if it cannot
  std::string again(std::string_view method, const std::string& params);
  void remember(const Envelope& message, const std::string& line);

  void open_channel();
  void line_came(std::string_view text);
  void channel_closed(const Error& why);
  void shaken_hands(bool well);
  asio::awaitable<void> come_back(std::string why);
  void settle(const std::string& id);
  void fail_requests(std::string_view why);

  void say(std::string line);
  asio::awaitable<void> write_lines();
  asio::awaitable<void> watch_client();
  asio::awaitable<void> last_answers();
  void break_off();
  void lose_gateway(std::string_view why);

  Context& context_;
  Address address_;
  std::string server_;
  BridgeOptions options_;
  asio::any_io_executor executor_;
  Lent in_, out_;
  asio::signal_set signals_;

  std::string partial_;                   // of a line
  std::optional<mcp::Skimmer> overlong_;  // instead, where it is too long to keep
  std::deque<Line> lines_;
  std::size_t queued_bytes_ = 0;  // in lines_, and of requests that wait for their turn
  bool end_of_input_ = false;
  Event lines_changed_{executor_};

  std::unique_ptr<mcp::Channel> channel_;
  // What the next gateway has to hear of this session, should this one be restarted.
  std::string hello_, hello_id_;
  std::map<std::string, std::string> state_;  // by what it sets: level, subscriptions, that it is initialized
  enum class Handshake { none, under_way, repeated, done } handshake_ = Handshake::none;
  Event settled_{executor_};    // clear while a handshake is under way
  std::uint64_t repeated_ = 0;  // requests of ours, numbered
  Event tried_{executor_};      // a repeated one has come to its end, well or not
  std::map<std::string, Asked> asked_;
  std::size_t in_flight_ = 0;
  Event slot_{executor_};

  std::deque<std::string> out_lines_;
  std::size_t out_bytes_ = 0;
  Event out_changed_{executor_};

  Event finished_{executor_};
  int code_ = daemon::kExitDone;
  bool gone_ = false;    // the gateway
  bool broken_ = false;  // nobody reads our answers any more
  TaskGroup requests_{executor_}, service_{executor_};
};

asio::awaitable<void> Bridge::run(int* code) {
  const auto reached = co_await reach();
  if (!reached) {
    *code = reached.error();
    signals_.cancel();
    co_return;
  }
  settled_.set();
  signals_.async_wait([this](const error_code& ec, int) {
    if (!ec) break_off();
  });
  service_.spawn("connect.read", read_lines());
  service_.spawn("connect.dispatch", dispatch_lines());
  service_.spawn("connect.write", write_lines());
  service_.spawn("connect.client", watch_client());
  (void)co_await finished_.wait_until(in(kLongest * 52));
  co_await last_answers();
  requests_.cancel();
  (void)co_await requests_.join(in(kGoodbye));
  service_.cancel();
  (void)co_await service_.join(in(kGoodbye));
  channel_.reset();
  signals_.cancel();
  *code = gone_ ? daemon::kExitNoGateway : code_;
}

// What is in flight gets a moment, and so does what has been said and not been read.
asio::awaitable<void> Bridge::last_answers() {
  const auto deadline = in(broken_ ? milliseconds(0)
                           : gone_ ? milliseconds(kGoodbye)
                                   : options_.last_answers);
  while (!broken_ && steady_clock::now() < deadline && (!asked_.empty() || !out_lines_.empty())) {
    if (gone_ && out_lines_.empty()) co_return;
    out_changed_.clear();
    if (!co_await out_changed_.wait_until(deadline)) co_return;
  }
}

// The gateway has to show that it lives: the kernel connects in the name of a stopped process too. Else the
// exit code, after the reason was printed.
asio::awaitable<std::expected<void, int>> Bridge::reach() {
  const auto deadline = in(context_.terminal.patience);
  auto wire = co_await net::HttpConnection::connect(address_, deadline);
  if (!wire) co_return std::unexpected(report(context_, wire.error()));
  const auto alive =
      co_await (*wire)->request({.target = "/v1/servers", .headers = {}, .body = {}}, deadline);
  if (!alive) co_return std::unexpected(report(context_, alive.error()));
  if (alive->status >= 400) co_return std::unexpected(refused(context_, *alive));
  // It may come by a reload, and who asks for it until then gets an answer.
  if (const auto fault = unknown_server(alive->body, server_); !fault.empty())
    code_ = context_.fail(daemon::kExitFailed, fault);
  co_return std::expected<void, int>();
}

asio::awaitable<void> Bridge::read_lines() {
  std::vector<char> chunk(kReadSize);
  for (;;) {
    error_code ec;
    const std::size_t n = co_await in_.stream.async_read_some(asio::buffer(chunk),
                                                              asio::redirect_error(asio::use_awaitable, ec));
    take_lines({chunk.data(), n});
    if (ec) break;
    while (queued_bytes_ > kQueueBytes) {
      lines_changed_.clear();
      if (!co_await lines_changed_.wait_until(in(kLongest))) co_return;
    }
  }
  if (!partial_.empty() || overlong_) take_lines("\n");
  end_of_input_ = true;
  lines_changed_.set();
  if (handshake_ == Handshake::repeated) finished_.set();  // for whom should a gateway be waited for?
}

void Bridge::take_lines(std::string_view chunk) {
  while (!chunk.empty()) {
    const auto end = chunk.find('\n');
    if (overlong_)
      overlong_->feed(chunk.substr(0, end));
    else
      partial_.append(chunk.substr(0, end));
    if (partial_.size() > options_.line_limit) {
      overlong_.emplace().feed(partial_);
      partial_ = std::string();
    }
    if (end == std::string_view::npos) return;
    chunk.remove_prefix(end + 1);
    queued_bytes_ += partial_.size();
    lines_.push_back(
        {std::exchange(partial_, {}), overlong_ ? std::optional(overlong_->seen()) : std::nullopt});
    overlong_.reset();
    lines_changed_.set();
  }
}

asio::awaitable<void> Bridge::dispatch_lines() {
  for (;;) {
    while (lines_.empty()) {
      if (end_of_input_) {
        finished_.set();
        co_return;
      }
      lines_changed_.clear();
      (void)co_await lines_changed_.wait_until(in(kLongest));
      if (co_await is_cancelled()) co_return;
    }
    Line line = std::move(lines_.front());
    lines_.pop_front();
    queued_bytes_ -= line.text.size();
    lines_changed_.set();  // room for the reader
    if (line.overlong) say(overlong_line(*line.overlong, options_.line_limit));
    if (line.text.find_first_not_of(" \t\r") == std::string::npos) continue;
    co_await dispatch(std::move(line.text));
    if (co_await is_cancelled()) co_return;
  }
}

asio::awaitable<void> Bridge::dispatch(std::string line) {
  using Kind = Envelope::Kind;
  const Envelope message = front::read_envelope(line);
  if (message.kind == Kind::garbage || message.kind == Kind::invalid || message.kind == Kind::batch) {
    say(mcp::error_line(message.id, message.kind == Kind::garbage ? mcp::kParseError : mcp::kInvalidRequest,
                        message.kind == Kind::batch ? "batches are not supported" : message.problem));
    co_return;
  }
  if (!co_await settled_.wait_until(in(kLongest))) co_return;
  if (handshake_ == Handshake::none) {
    if (message.kind == Kind::request && message.method == "initialize") {
      hello_ = line;
      hello_id_ = message.id;
      asked_[message.id].sent = true;
      ++in_flight_;
      handshake_ = Handshake::under_way;
      settled_.clear();
      open_channel();
      pass_on(std::move(line));
    } else if (message.kind == Kind::request) {
      say(before_session(message));
    }
    co_return;
  }
  remember(message, line);
  if (message.kind == Kind::notification && message.method == "notifications/cancelled") {
    if (const auto asked = asked_.find(message.cancelled); asked != asked_.end()) {
      if (!asked->second.sent) {  // it waits for its turn, and nobody else has heard of it
        asked->second.withdrawn = true;
        slot_.set();
        co_return;
      }
      if (handshake_ == Handshake::done) settle(message.cancelled);  // it wants no answer, and may get none
    }
  }
  if (message.kind != Kind::request) co_return pass_on(std::move(line));
  asked_[message.id] = {};
  queued_bytes_ += line.size();
  requests_.spawn("connect.request", request_in_turn(message.id, std::move(line)));
}

// Requests alone wait for a place: what cancels them has to get past them, or no place might ever come free.
asio::awaitable<void> Bridge::request_in_turn(std::string id, std::string line) {
  const std::size_t size = line.size();
  const auto wanted = [this, &id] {
    const auto asked = asked_.find(id);
    return asked != asked_.end() && !asked->second.withdrawn;
  };
  bool waited = true;
  while (waited && wanted() && (in_flight_ >= options_.requests_in_flight || !settled_.is_set())) {
    slot_.clear();
    waited = co_await slot_.wait_until(in(kLongest));
  }
  queued_bytes_ -= size;
  lines_changed_.set();  // room for the reader
  if (!waited || !wanted() || co_await is_cancelled()) {
    asked_.erase(id);
    out_changed_.set();
    co_return;
  }
  ++in_flight_;
  asked_[id].sent = true;
  pass_on(std::move(line), id);
}

void Bridge::pass_on(std::string line, const std::string& id) {
  mcp::put_on_one_line(line);
  const auto sent = channel_->send(std::move(line));
  // A channel that closed has said so, and failed them all.
  if (sent || sent.error().is(Errc::closed) || id.empty()) return;
  say(mcp::error_line(id, mcp::kInternalError, sent.error().message()));
  settle(id);
}

// A request of ours, in the client's place; each has an id of its own, since they go out together.
std::string Bridge::again(std::string_view method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":"holdfast-again-)" + std::to_string(++repeated_) + R"(","method":")" +
         std::string(method) + R"(","params":)" + params + "}";
}

// What the client has set up, as far as a server would forget it with its session.
void Bridge::remember(const Envelope& message, const std::string& line) {
  if (message.method == "notifications/initialized") state_["0 initialized"] = line;
  if (message.method == "logging/setLevel") state_["1 level"] = again("logging/setLevel", message.params);
  const bool subscribes = message.method == "resources/subscribe";
  if (!subscribes && message.method != "resources/unsubscribe") return;
  state_.erase("2 " + message.params);
  if (subscribes && state_.size() < kMostRemembered)
    state_["2 " + message.params] = again("resources/subscribe", message.params);
}

void Bridge::open_channel() {
  channel_ = mcp::make_http_channel(
      executor_,
      {.url = {.path = address_.path, .target = server_.empty() ? "/mcp" : "/mcp/" + encode(server_)},
       .requests = options_.requests_in_flight,
       .bound = true});
  channel_->start({.line = [this](mcp::PaddedText line) { line_came(line.view()); },
                   .oversized = {},
                   .closed = [this](const Error& why) { channel_closed(why); }});
}

void Bridge::line_came(std::string_view text) {
  std::string line(text);
  const mcp::Message message = mcp::Splicer().read(mcp::PaddedText::in(line));
  if (message.kind != mcp::Kind::response) return say(std::move(line));
  const std::string id(message.id.of(line));
  if (id == hello_id_ && handshake_ == Handshake::repeated) return shaken_hands(!message.error);
  const auto asked = asked_.find(id);
  if (asked == asked_.end() || !asked->second.sent) {  // of ours, or withdrawn long ago
    if (message.error && id.starts_with("\"holdfast-again-"))
      context_.terminal.err << "holdfast: the gateway that came back refuses what was set up before: " << line
                            << '\n';
    return;
  }
  say(std::move(line));
  settle(id);
  if (id == hello_id_ && handshake_ == Handshake::under_way) shaken_hands(!message.error);
}

void Bridge::settle(const std::string& id) {
  asked_.erase(id);
  --in_flight_;
  slot_.set();
  out_changed_.set();
}

void Bridge::shaken_hands(bool well) {
  const bool again = handshake_ == Handshake::repeated;
  if (!well && again) return tried_.set();
  handshake_ = well ? Handshake::done : Handshake::none;
  if (well) code_ = daemon::kExitDone;
  if (again)
    for (const auto& [what, line] : state_) pass_on(line);
  settled_.set();
  tried_.set();
  slot_.set();
}

void Bridge::channel_closed(const Error& why) {
  const std::string reason = why.message();
  fail_requests("the gateway went away: " + reason);
  if (handshake_ == Handshake::repeated) return tried_.set();
  if (handshake_ != Handshake::done || end_of_input_ || options_.come_back == milliseconds(0))
    return lose_gateway(reason);
  handshake_ = Handshake::repeated;
  settled_.clear();
  service_.spawn("connect.again", come_back(reason));
}

// A gateway that is restarted is waited for, and told of this session what the last one knew. Calls that
// were in flight have failed: nobody can tell whether they were executed.
asio::awaitable<void> Bridge::come_back(std::string why) {
  const auto deadline = in(options_.come_back);
  while (steady_clock::now() < deadline) {
    if (!co_await sleep_until(in(kAgain))) co_return;
    tried_.clear();
    open_channel();
    pass_on(hello_);
    (void)co_await tried_.wait_until(std::min(deadline, in(kConnect)));
    if (settled_.is_set() || co_await is_cancelled()) co_return;
  }
  lose_gateway(why);
}

void Bridge::fail_requests(std::string_view why) {
  std::vector<std::string> sent;
  for (const auto& [id, asked] : asked_)
    if (asked.sent) sent.push_back(id);
  for (const auto& id : sent) {
    say(mcp::error_line(id, mcp::kInternalError, why));
    settle(id);
  }
}

void Bridge::say(std::string line) {
  if (broken_) return;
  line += '\n';
  out_bytes_ += line.size();
  out_lines_.push_back(std::move(line));
  out_changed_.set();
  if (out_bytes_ <= options_.unread_limit) return;
  (void)context_.fail(daemon::kExitFailed, "the client does not read what it is told: " +
                                               std::to_string(out_bytes_ >> 20) + " MiB wait for it");
  code_ = daemon::kExitFailed;
  broken_ = true;
  break_off();
}

asio::awaitable<void> Bridge::write_lines() {
  for (;;) {
    while (out_lines_.empty()) {
      out_changed_.clear();
      (void)co_await out_changed_.wait_until(in(kLongest));
      if (co_await is_cancelled()) co_return;
    }
    error_code ec;
    co_await asio::async_write(out_.stream, asio::buffer(out_lines_.front()),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) {
      if (co_await is_cancelled()) co_return;
      broken_ = true;
      co_return break_off();
    }
    out_bytes_ -= out_lines_.front().size();
    out_lines_.pop_front();
    out_changed_.set();
  }
}

// End-of-file on stdin alone may be a script that waits for its answers; a broken stdout is a client that
// died.
asio::awaitable<void> Bridge::watch_client() {
  error_code ec;
  co_await out_.stream.async_wait(asio::posix::stream_descriptor::wait_error,
                                  asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return;
  broken_ = true;
  break_off();
}

void Bridge::break_off() {
  finished_.set();
  asked_.clear();  // nobody waits for them any more
  out_changed_.set();
}

void Bridge::lose_gateway(std::string_view why) {
  if (gone_ || finished_.is_set()) return;
  gone_ = true;
  (void)context_.fail(daemon::kExitNoGateway, "the gateway went away: " + std::string(why));
  finished_.set();
}

}  // namespace

int connect(Context& context, const std::string& server, BridgeOptions options) {
  const auto address = gateway_address(context);
  if (!address) return address.error();
  os::ignore_signal(SIGPIPE);  // a closed stdout is an error to look at, not an end
  asio::io_context loop(1);
  int code = daemon::kExitFailed;
  Bridge bridge(loop, context, *address, server, options);
  TaskGroup group(loop.get_executor());
  group.spawn("connect", bridge.run(&code));
  loop.run();
  return code;
}

}  // namespace holdfast::cli
