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
#include "mcp/message.h"
#include "mcp/raw_json.h"
#include "mcp/skim.h"
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
constexpr std::chrono::seconds kPooled{60};  // half of what the gateway lets a connection idle
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
        target_("/mcp/" + encode(server)),
        options_(options),
        executor_(loop.get_executor()),
        in_(loop, options.in),
        out_(loop, options.out),
        signals_(loop, SIGINT, SIGTERM) {}

  // Sets `code` and lets the loop run out.
  asio::awaitable<void> run(int* code);

 private:
  using Connection = std::unique_ptr<net::HttpConnection>;
  struct Pooled {
    Connection connection;
    steady_clock::time_point since;
  };

  struct Line {
    std::string text;
    std::optional<mcp::Skimmed> overlong;  // then all that is known of it
  };

  asio::awaitable<std::expected<Connection, int>> reach();
  asio::awaitable<void> read_lines();
  void take_lines(std::string_view chunk);
  asio::awaitable<void> dispatch_lines();
  asio::awaitable<void> dispatch(std::string line);
  asio::awaitable<void> initialize(std::string id, std::string line);
  asio::awaitable<void> request_in_turn(std::string id, std::string line);
  bool leave(const std::string& id);
  asio::awaitable<void> exchange(Connection connection, std::string id, std::string line);
  asio::awaitable<void> watch_gateway();
  asio::awaitable<void> watch_client();
  asio::awaitable<Result<Connection>> connection();
  asio::awaitable<void> answer(std::string id, Result<net::HttpResponse> response);
  asio::awaitable<void> write_line(std::string line);
  asio::awaitable<void> say_goodbye();
  net::HttpRequest post(std::string line) const;
  void lose_gateway(const Error& error);

  Context& context_;
  Address address_;
  std::string server_, target_;
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

  Connection main_;  // the session is bound to it
  std::string session_;
  Event initialized_{executor_};  // clear while initialize is under way
  std::vector<Pooled> idle_;
  std::size_t in_flight_ = 0;
  std::map<std::string, bool> asked_;  // ids in flight or waiting for it; true: the client cancelled it
  Event slot_{executor_};
  bool writing_ = false;
  Event writable_{executor_};

  Event finished_{executor_};
  int code_ = daemon::kExitDone;
  bool gone_ = false;    // the gateway
  bool broken_ = false;  // nobody reads our answers any more
  TaskGroup requests_{executor_}, service_{executor_};
};

asio::awaitable<void> Bridge::run(int* code) {
  auto probe = co_await reach();
  if (!probe) {
    *code = probe.error();
    signals_.cancel();
    co_return;
  }
  idle_.push_back({std::move(*probe), steady_clock::now()});
  initialized_.set();
  signals_.async_wait([this](const error_code& ec, int) {
    if (ec) return;
    finished_.set();
    requests_.cancel();  // run() may be waiting for their answers already
  });
  service_.spawn("connect.read", read_lines());
  service_.spawn("connect.dispatch", dispatch_lines());
  service_.spawn("connect.client", watch_client());
  (void)co_await finished_.wait_until(in(kLongest * 52));
  // What is in flight gets a moment; if the gateway is gone its connections break by themselves.
  const milliseconds patience = broken_ ? milliseconds(0)
                                : gone_ ? milliseconds(kGoodbye)
                                        : options_.last_answers;
  (void)co_await requests_.join(in(patience));
  requests_.cancel();
  (void)co_await requests_.join(in(kGoodbye));
  service_.cancel();
  (void)co_await service_.join(in(kGoodbye));
  if (!gone_) co_await say_goodbye();
  main_.reset();
  idle_.clear();
  signals_.cancel();
  *code = gone_ ? daemon::kExitNoGateway : code_;
}

// A connection on which the gateway has shown that it lives: the kernel connects in the name of a stopped
// process too. Else the exit code, after the reason was printed.
asio::awaitable<std::expected<Bridge::Connection, int>> Bridge::reach() {
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
  co_return std::move(*wire);
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
      if (!co_await lines_changed_.wait_until(in(kLongest)) && co_await is_cancelled()) co_return;
    }
    Line line = std::move(lines_.front());
    lines_.pop_front();
    queued_bytes_ -= line.text.size();
    lines_changed_.set();  // room for the reader
    if (line.overlong) co_await write_line(overlong_line(*line.overlong, options_.line_limit));
    if (line.text.find_first_not_of(" \t\r") == std::string::npos) continue;
    co_await dispatch(std::move(line.text));
    if (co_await is_cancelled()) co_return;
  }
}

asio::awaitable<void> Bridge::dispatch(std::string line) {
  using Kind = Envelope::Kind;
  const Envelope message = front::read_envelope(line);
  if (message.kind == Kind::garbage || message.kind == Kind::invalid || message.kind == Kind::batch) {
    co_await write_line(
        mcp::error_line(message.id, message.kind == Kind::garbage ? mcp::kParseError : mcp::kInvalidRequest,
                        message.kind == Kind::batch ? "batches are not supported" : message.problem));
    co_return;
  }
  if (!co_await initialized_.wait_until(in(kLongest))) co_return;
  if (message.kind == Kind::request && message.method == "initialize" && session_.empty()) {
    initialized_.clear();
    requests_.spawn("connect.initialize", initialize(message.id, std::move(line)));
    co_return;
  }
  if (session_.empty()) {
    if (message.kind == Kind::request) co_await write_line(before_session(message));
    co_return;
  }
  if (message.kind == Kind::notification && message.method == "notifications/cancelled") {
    if (const auto asked = asked_.find(message.cancelled); asked != asked_.end()) asked->second = true;
    slot_.set();  // it may be one that waits for its turn
  }
  if (message.kind == Kind::request) {
    asked_[message.id] = false;
    queued_bytes_ += line.size();
    requests_.spawn("connect.request", request_in_turn(message.id, std::move(line)));
    co_return;
  }
  auto wire = co_await connection();
  if (!wire) co_return lose_gateway(wire.error());
  co_await exchange(std::move(*wire), {}, std::move(line));  // in order: the next line waits for this one
}

// Requests alone wait for a place: what cancels them has to get past them, or no place might ever come free.
asio::awaitable<void> Bridge::request_in_turn(std::string id, std::string line) {
  const std::size_t size = line.size();
  const auto withdrawn = [this, &id] {
    const auto asked = asked_.find(id);
    return asked != asked_.end() && asked->second;
  };
  bool waited = true;
  while (waited && in_flight_ >= options_.requests_in_flight && !withdrawn()) {
    slot_.clear();
    waited = co_await slot_.wait_until(in(kLongest));
  }
  queued_bytes_ -= size;
  lines_changed_.set();  // room for the reader
  if (!waited || withdrawn()) {
    asked_.erase(id);
    co_return;
  }
  ++in_flight_;
  auto wire = co_await connection();
  if (wire) co_return co_await exchange(std::move(*wire), std::move(id), std::move(line));
  leave(id);
  co_await write_line(mcp::error_line(id, mcp::kInternalError, wire.error().message()));
  lose_gateway(wire.error());
}

// True: the client withdrew the request, and the protocol wants no answer then.
bool Bridge::leave(const std::string& id) {
  const auto asked = asked_.extract(id);
  --in_flight_;
  slot_.set();
  return asked && asked.mapped();
}

asio::awaitable<void> Bridge::initialize(std::string id, std::string line) {
  auto connected = co_await net::HttpConnection::connect(address_, in(kConnect));
  if (!connected) {
    co_await write_line(mcp::error_line(id, mcp::kInternalError, connected.error().message()));
    initialized_.set();
    co_return lose_gateway(connected.error());
  }
  main_ = std::move(*connected);
  net::HttpRequest request = post(std::move(line));
  request.headers.emplace_back("Holdfast-Bind", "connection");
  auto response = co_await main_->request(std::move(request), in(kLongest));
  if (response) session_ = response->header("Mcp-Session-Id").value_or("");
  if (!session_.empty()) code_ = daemon::kExitDone;
  if (!response && response.error().is(Errc::closed)) lose_gateway(response.error());
  co_await answer(std::move(id), std::move(response));
  if (!session_.empty()) service_.spawn("connect.watch", watch_gateway());
  initialized_.set();
}

asio::awaitable<void> Bridge::watch_gateway() {
  if (co_await main_->closed_by_peer(in(kLongest * 52))) {
    lose_gateway(Error{make_error_code(Errc::closed), "gateway", "it closed the connection"});
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
  finished_.set();
  requests_.cancel();  // run() may be waiting for their answers already
}

asio::awaitable<void> Bridge::exchange(Connection wire, std::string id, std::string line) {
  auto response = co_await wire->request(post(std::move(line)), in(kLongest));
  if (wire->usable()) idle_.push_back({std::move(wire), steady_clock::now()});
  if (!id.empty() && !leave(id)) co_await answer(std::move(id), std::move(response));
}

asio::awaitable<Result<Bridge::Connection>> Bridge::connection() {
  while (!idle_.empty()) {
    Pooled pooled = std::move(idle_.back());
    idle_.pop_back();
    if (steady_clock::now() - pooled.since < kPooled && pooled.connection->usable())
      co_return std::move(pooled.connection);
  }
  co_return co_await net::HttpConnection::connect(address_, in(kConnect));
}

asio::awaitable<void> Bridge::answer(std::string id, Result<net::HttpResponse> response) {
  if (!response) {
    co_await write_line(mcp::error_line(id, mcp::kInternalError, response.error().message()));
  } else if (response->body.starts_with(R"({"jsonrpc":)")) {
    // Line breaks between the parts of JSON are white space; a string cannot hold one.
    std::ranges::replace_if(response->body, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    co_await write_line(std::move(response->body));
  } else {
    co_await write_line(mcp::error_line(id, mcp::kInternalError, refusal_of(*response)));
  }
}

asio::awaitable<void> Bridge::write_line(std::string line) {
  line += '\n';
  while (writing_) {
    writable_.clear();
    if (!co_await writable_.wait_until(in(kLongest)) && co_await is_cancelled()) co_return;
  }
  writing_ = true;
  error_code ec;
  co_await asio::async_write(out_.stream, asio::buffer(line), asio::redirect_error(asio::use_awaitable, ec));
  writing_ = false;
  writable_.set();
  if (!ec) co_return;
  broken_ = true;
  finished_.set();
}

asio::awaitable<void> Bridge::say_goodbye() {
  if (session_.empty()) co_return;
  auto wire = co_await connection();
  if (!wire) co_return;
  net::HttpRequest request = post({});
  request.method = "DELETE";
  (void)co_await (*wire)->request(std::move(request), in(kGoodbye));
}

net::HttpRequest Bridge::post(std::string line) const {
  net::HttpRequest request{
      .method = "POST",
      .target = target_,
      .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}},
      .body = std::move(line)};
  if (!session_.empty()) request.headers.emplace_back("Mcp-Session-Id", session_);
  return request;
}

void Bridge::lose_gateway(const Error& error) {
  if (gone_ || finished_.is_set()) return;
  gone_ = true;
  (void)context_.fail(daemon::kExitNoGateway, "the gateway went away: " + error.message());
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
