#include "mcp/client.h"

#include <boost/asio/this_coro.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/log.h"
#include "mcp/dispatcher.h"
#include "mcp/revision.h"
#include "mcp/stdio_channel.h"

namespace holdfast::mcp {
namespace {

using std::chrono::steady_clock;

// Of one listing: a server that goes beyond is broken.
constexpr int kMostPages = 1000;
constexpr std::size_t kMostBytes = 64U << 20;

std::unexpected<Error> protocol(std::string_view op, const std::string& why) {
  return fail(Errc::protocol, op, why);
}

// A request's place in the table: whatever ends the awaiting coroutine, the table and the server learn of it.
class InFlight {
 public:
  InFlight(std::shared_ptr<Dispatcher> dispatcher, std::int64_t id, bool tell_server)
      : dispatcher_(std::move(dispatcher)), id_(id), tell_server_(tell_server) {}
  ~InFlight() { dispatcher_->forget(id_, tell_server_ ? reason_ : std::string_view()); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  void because(std::string_view reason) { reason_ = reason; }

 private:
  std::shared_ptr<Dispatcher> dispatcher_;
  std::int64_t id_;
  bool tell_server_;
  std::string_view reason_ = "cancelled";
};

asio::awaitable<Result<Reply>> exchange(std::shared_ptr<Dispatcher> dispatcher, std::string_view method,
                                        std::string_view params, RequestOptions options) {
  if (co_await is_cancelled()) co_return fail(Errc::cancelled, "request", method);
  Deadline deadline = options.deadline;
  const auto extended = std::move(options.extended);
  if (deadline <= steady_clock::now()) co_return fail(Errc::timeout, "request", method);
  const auto sent = dispatcher->send_request(method, params, std::move(options.progress));
  if (!sent) co_return std::unexpected(sent.error());
  const auto [id, pending] = *sent;
  const std::string name(method);
  // The protocol forbids to cancel the handshake.
  InFlight in_flight(dispatcher, id, name != "initialize");
  while (!co_await pending->done.wait_until(deadline)) {
    if (!extended || steady_clock::now() < deadline || co_await is_cancelled()) break;
    const Deadline later = extended();
    if (later <= steady_clock::now()) break;
    deadline = later;
  }
  if (pending->outcome) co_return std::move(*pending->outcome);
  if (steady_clock::now() >= deadline) {
    in_flight.because("timed out");
    co_return fail(Errc::timeout, "request", name);
  }
  co_return fail(Errc::cancelled, "request", name);
}

Result<InitializeResult> read_handshake(std::string& text, const std::string& offered) {
  if (!well_formed(text)) return protocol("initialize", "the server's result is not JSON");
  const auto all = members(PaddedText::in(text));
  if (!all) return protocol("initialize", "the server's result is not an object: " + text.substr(0, 60));
  InitializeResult result;
  auto version = decode_string(member(*all, "protocolVersion"));
  if (!version) return protocol("initialize", "the server names no protocol version");
  if (!find_revision(*version))
    return protocol("initialize", "the server answered with protocol version " + *version + ", we offered " +
                                      offered + " (and speak down to " + std::string(oldest_revision().name) +
                                      ")");
  result.protocol_version = std::move(*version);
  const auto object = [&](std::string_view key) {
    const std::string_view raw = member(*all, key);
    return raw.starts_with('{') ? std::string(raw) : std::string("{}");
  };
  result.capabilities = object("capabilities");
  result.server_info = object("serverInfo");
  result.instructions = decode_string(member(*all, "instructions")).value_or("");
  return result;
}

asio::awaitable<Result<InitializeResult>> handshake(std::shared_ptr<Dispatcher> dispatcher, Deadline deadline,
                                                    ClientProfile profile) {
  if (dispatcher->phase() != Phase::fresh) co_return fail(Errc::invalid, "initialize", "already initialized");
  dispatcher->set_phase(Phase::initializing);
  const std::string offered(negotiate(profile.revision).name);
  const std::string params = R"({"protocolVersion":")" + offered + R"(","capabilities":)" +
                             profile.capabilities +
                             R"(,"clientInfo":{"name":"holdfast","version":")" HOLDFAST_VERSION R"("}})";
  auto reply = co_await exchange(dispatcher, "initialize", params, {.deadline = deadline, .progress = {}});
  if (!reply) co_return forward(reply);
  if (reply->error)
    co_return protocol("initialize", "the server refused: " + reply->error->message + " (" +
                                         std::to_string(reply->error->code) + ")");
  auto result = read_handshake(reply->result, offered);
  if (!result) co_return forward(result);
  dispatcher->set_revision(find_revision(result->protocol_version));
  if (auto sent = dispatcher->send_notification("notifications/initialized", {}); !sent)
    co_return forward(sent);
  dispatcher->set_phase(Phase::ready);
  co_return result;
}

// One page's tools into `tools`; its next cursor (raw JSON), or nothing at the end.
Result<std::string> read_page(const std::string& server, std::string& page, std::vector<Tool>& tools) {
  if (!well_formed(page)) return protocol("tools/list", "malformed result");
  const auto all = members(PaddedText::in(page));
  if (!all) return std::unexpected(all.error());
  const auto list = elements(PaddedText::promised(member(*all, "tools")), kMostTools - tools.size());
  if (!list && list.error().is(Errc::limit))
    return protocol("tools/list", "the server offers more than " + std::to_string(kMostTools) + " tools");
  if (!list) return protocol("tools/list", "the result has no tools");
  for (const std::string_view raw : *list) {
    const auto tool = members(PaddedText::promised(raw));
    auto name = tool ? decode_string(member(*tool, "name")) : std::unexpected(tool.error());
    if (name)
      tools.push_back({std::move(*name), std::string(raw)});
    else
      log::warn("mcp.tool_without_name", {{"server", server}, {"tool", raw.substr(0, 120)}});
  }
  // Servers of the stateful revisions end a listing with an absent, a null or an empty cursor.
  const std::string_view cursor = member(*all, "nextCursor");
  return std::string(cursor == "null" || cursor == "\"\"" ? std::string_view() : cursor);
}

asio::awaitable<Result<std::vector<Tool>>> all_tools(std::shared_ptr<Dispatcher> dispatcher,
                                                     Deadline deadline) {
  std::vector<Tool> tools;
  std::set<std::string> seen;
  std::string cursor;
  std::size_t bytes = 0;
  for (int page = 0; page < kMostPages; ++page) {
    const std::string params = cursor.empty() ? std::string() : "{\"cursor\":" + cursor + "}";
    auto reply = co_await exchange(dispatcher, "tools/list", params, {.deadline = deadline, .progress = {}});
    if (!reply) co_return forward(reply);
    if (reply->error) {
      // A server without tools need not know the method.
      if (reply->error->code == kMethodNotFound && page == 0) co_return tools;
      co_return protocol("tools/list", "the server refused: " + reply->error->message);
    }
    bytes += reply->result.size();
    if (bytes > kMostBytes)
      co_return protocol("tools/list",
                         "the listing is longer than " + std::to_string(kMostBytes >> 20) + " MiB");
    auto next = read_page(dispatcher->server(), reply->result, tools);
    if (!next) co_return forward(next);
    if (next->empty()) co_return tools;
    if (!seen.insert(*next).second)
      co_return protocol("tools/list", "the server repeats the cursor " + *next);
    cursor = std::move(*next);
  }
  co_return protocol("tools/list", "the listing does not end after " + std::to_string(kMostPages) + " pages");
}

asio::awaitable<void> write_out(std::shared_ptr<Dispatcher> dispatcher, Deadline deadline) {
  dispatcher->stop();
  co_await dispatcher->channel().flush(deadline);
  dispatcher->channel().stop_writing();
}

asio::awaitable<Result<Reply>> refused(Error why) { co_return std::unexpected(why); }

class ChannelClient final : public Client {
 public:
  explicit ChannelClient(std::shared_ptr<Dispatcher> dispatcher) : dispatcher_(std::move(dispatcher)) {
    dispatcher_->start();
  }
  ~ChannelClient() override { dispatcher_->release(); }

  asio::awaitable<Result<InitializeResult>> initialize(Deadline deadline, ClientProfile profile) override {
    return handshake(dispatcher_, deadline, std::move(profile));
  }
  asio::awaitable<Result<Reply>> request(std::string_view method, std::string_view params,
                                         RequestOptions options) override {
    if (auto allowed = dispatcher_->may_send(method); !allowed) return refused(allowed.error());
    return exchange(dispatcher_, method, params, std::move(options));
  }
  Result<void> notify(std::string_view method, std::string_view params) override {
    if (auto allowed = dispatcher_->may_send(method); !allowed) return allowed;
    return dispatcher_->send_notification(method, params);
  }
  void answer(std::string_view id, const Reply& reply) override { dispatcher_->answer(id, reply); }
  asio::awaitable<Result<std::vector<Tool>>> list_tools(Deadline deadline) override {
    return all_tools(dispatcher_, deadline);
  }
  [[nodiscard]] std::size_t in_flight() const override { return dispatcher_->in_flight(); }
  [[nodiscard]] bool open() const override { return dispatcher_->open(); }
  [[nodiscard]] const ClientCounters& counters() const override { return dispatcher_->counters(); }
  asio::awaitable<void> stop_writing(Deadline deadline) override { return write_out(dispatcher_, deadline); }
  void release() override { dispatcher_->release(); }

 private:
  std::shared_ptr<Dispatcher> dispatcher_;
};

}  // namespace

std::unique_ptr<Client> Client::over(asio::any_io_executor executor, std::unique_ptr<Channel> channel,
                                     std::string name, Events events) {
  return std::make_unique<ChannelClient>(
      std::make_shared<Dispatcher>(executor, std::move(channel), std::move(name), std::move(events)));
}

std::unique_ptr<Client> Client::over_stdio(asio::any_io_executor executor, int in, int out,
                                           ClientOptions options, Events events) {
  auto channel = make_stdio_channel(executor, in, out,
                                    {.line_limit = options.line_limit, .queue_limit = options.queue_limit});
  return over(std::move(executor), std::move(channel), std::move(options.name), std::move(events));
}

}  // namespace holdfast::mcp
