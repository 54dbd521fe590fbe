// For tests: the rooms below as values that tests set and read, and a front that serves them.
#pragma once

#include <atomic>
#include <fstream>
#include <map>

#include "front/control_api.h"
#include "front/front_testing.h"
#include "gateway/token_file.h"
#include "os/peer.h"

namespace holdfast::front::testing_tools {

using std::chrono::steady_clock;

struct Counts {
  std::atomic<int> opened = 0, ended = 0, requests = 0, cancelled = 0, notified = 0, shutdowns = 0, swept = 0,
                   forced = 0, forgiven = 0;
};

// How a server speaks unasked, and when one that says something before its answer gives that.
struct Voice {
  std::weak_ptr<gateway::Consumer> consumer;  // of the session opened last
  Event gate{asio::any_io_executor()};        // "gated" and "silent" answer when it is set
};

// Tools: "slow" waits to be cancelled, "late" answers after a second, "fail" answers an error; "chatty" logs
// before it answers, "gated" waits then, "silent" waits only, "counts" tells its progress, "asks" answers
// what the client did; every other request answers its own params.
class FakeSession final : public gateway::Session {
 public:
  FakeSession(Counts& counts, gateway::SessionKind kind, std::string label, Voice& voice,
              const std::shared_ptr<gateway::Consumer>& consumer)
      : counts_(counts), kind_(kind), label_(std::move(label)), voice_(voice), consumer_(consumer) {
    ++counts_.opened;
  }
  ~FakeSession() override { ++counts_.ended; }
  const std::string& id() const override { return id_; }
  gateway::SessionKind kind() const override { return kind_; }
  const std::string& label() const override { return label_; }
  asio::awaitable<Result<mcp::InitializeResult>> connect(std::string_view server) override {
    if (server != "memory") co_return fail(Errc::not_found, "server", server);
    co_return mcp::InitializeResult{"2025-11-25", R"({"logging":{},"tools":{"listChanged":true},"tasks":{}})",
                                    R"({"name":"fake","version":"1"})", "be \"nice\""};
  }
  asio::awaitable<Result<mcp::Reply>> request(std::string_view, std::string_view, std::string_view params,
                                              gateway::CallOptions options) override {
    const std::string sent(params);
    ++counts_.requests;
    const auto does = [&](std::string_view what) { return sent.find(what) != std::string::npos; };
    const auto consumer = consumer_.lock();
    if (consumer && (does("\"chatty\"") || does("\"gated\"")))
      consumer->notified("memory", "notifications/message", R"({"level":"info","data":"first"})",
                         options.number);
    if ((does("\"gated\"") || does("\"silent\"")) &&
        !co_await voice_.gate.wait_until(steady_clock::now() + 20s)) {
      ++counts_.cancelled;
      co_return fail(Errc::cancelled, "request");
    }
    if (does("\"counts\"") && options.progress)
      options.progress(R"({"total":2, "progressToken" : 77,"progress":1.50})");
    if (consumer && does("\"asks\"")) {
      const auto said =
          co_await consumer->asked("memory", "elicitation/create", R"({"message":"?"})", options.number);
      if (!said) co_return std::unexpected(said.error());
      co_return said->error ? mcp::Reply{{}, said->error}
                            : mcp::Reply{R"({"said":)" + said->result + "}", {}};
    }
    if (sent.find("\"slow\"") != std::string::npos && !co_await sleep_until(steady_clock::now() + 20s)) {
      ++counts_.cancelled;
      co_return fail(Errc::cancelled, "request");
    }
    if (sent.find("\"late\"") != std::string::npos) co_await sleep_until(steady_clock::now() + 1s);
    if (sent.find("\"refused\"") != std::string::npos)
      co_return fail(Errc::refused, "request", "server is parked");
    if (sent.find("\"deep\"") != std::string::npos) {
      const std::string data = std::string(400'000, '[') + std::string(400'000, ']');
      co_return mcp::Reply{{}, mcp::RpcError{-32602, "deep", data}};
    }
    if (sent.find("\"fail\"") != std::string::npos) {
      co_return mcp::Reply{{}, mcp::RpcError{-32602, "unknown tool", R"({"why":1})"}};
    }
    if (sent.find("\"text\"") != std::string::npos) {
      co_return mcp::Reply{R"({"content":[{"type":"text","text":"hello"}]})", {}};
    }
    if (sent.find("\"toolerror\"") != std::string::npos) {
      co_return mcp::Reply{R"({"isError":true,"content":[{"type":"text","text":"bad"}]})", {}};
    }
    if (sent.find("\"sloppy\"") != std::string::npos) {
      co_return mcp::Reply{R"({"isError":"yes","content":"x"})", {}};
    }
    if (sent.find("\"partless\"") != std::string::npos) co_return mcp::Reply{R"({"content":["x"]})", {}};
    co_return mcp::Reply{sent.empty() ? "{}" : sent, {}};
  }
  Result<void> notify(std::string_view, std::string_view, std::string_view) override {
    ++counts_.notified;
    return {};
  }
  asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::string_view server) override {
    if (server != "memory") co_return fail(Errc::refused, "connect", "server is parked");
    co_return std::vector<mcp::Tool>{
        {"read_graph", R"({"name":"read_graph","description":"Reads. All of it."})"}};
  }

 private:
  Counts& counts_;
  gateway::SessionKind kind_;
  std::string id_ = "s1", label_;
  Voice& voice_;
  std::weak_ptr<gateway::Consumer> consumer_;
};

class FakeGateway final : public gateway::Gateway {
 public:
  Counts counts;
  bool closed = false;
  std::filesystem::path log;
  std::vector<gateway::InstanceView> views;
  std::string unusable;  // why the server "broken" is; empty: it is parked
  Voice voice;

  std::unique_ptr<gateway::Session> open_session(
      gateway::SessionKind kind, std::string label,
      const std::shared_ptr<gateway::Consumer>& consumer) override {
    if (closed) return nullptr;
    voice.consumer = consumer;
    return std::make_unique<FakeSession>(counts, kind, std::move(label), voice, consumer);
  }
  asio::awaitable<Result<std::unique_ptr<HeldTree>>> run_in_custody(custody::TreeSpec, std::string) override {
    co_return fail(Errc::refused, "fake");
  }
  std::vector<std::string> child_environment(const std::map<std::string, std::string>&) const override {
    return {};
  }
  bool has_server(std::string_view name) const override { return name == "memory" || name == "broken"; }
  std::vector<gateway::ServerView> servers() const override {
    gateway::ServerView memory, broken;
    memory.name = "memory", memory.state = "ready", memory.sharing = "shared", memory.command = "npx memory";
    broken.name = "broken", broken.state = "parked", broken.reason = "will not die";
    if (!unusable.empty()) broken.state = "unusable", broken.reason = unusable;
    return {memory, broken};
  }
  std::vector<gateway::InstanceView> instances() const override { return views; }
  std::vector<gateway::SessionView> sessions() const override {
    return {{"s1", "digest/17", gateway::SessionKind::job, {}, {"memory"}}};
  }
  std::filesystem::path stderr_log(std::string_view) const override { return log; }
  asio::awaitable<Result<gateway::StopReport>> stop_server(std::string name,
                                                           gateway::StopRequest request) override {
    if (!has_server(name)) co_return fail(Errc::not_found, "server", name);
    counts.forced += request.force ? 1 : 0;
    counts.forgiven += request.forgive ? 1 : 0;
    co_return request.force ? gateway::StopReport{.stopped = 1 + static_cast<int>(views.size()), .left = {}}
                            : gateway::StopReport{.stopped = 1, .left = views};
  }
  void reload(const config::Config&) override {}
  bool evict_idle(const std::string&) override { return false; }
  void close() override { closed = true; }
  asio::awaitable<bool> drained(steady_clock::time_point) override { co_return true; }
};

class FakeScheduler final : public schedule::Scheduler {
 public:
  std::filesystem::path log;
  asio::awaitable<Result<void>> start() override { co_return Result<void>(); }
  std::vector<schedule::JobView> jobs() const override { return {*job("digest")}; }
  std::optional<schedule::JobView> job(std::string_view name) const override {
    if (name != "digest") return std::nullopt;
    schedule::JobView view;
    view.name = "digest", view.schedule = "every 10m", view.timezone = "UTC", view.action = "steps";
    view.running = 1;
    return view;
  }
  asio::awaitable<Result<std::string>> run_now(std::string_view name) override {
    if (name != "digest") co_return fail(Errc::not_found, "job", name);
    co_return "17";
  }
  Result<int> cancel(std::string_view name, std::string_view run) override {
    if (name != "digest") return fail(Errc::not_found, "job", name);
    return run.empty() ? 2 : 1;
  }
  asio::awaitable<Result<std::vector<schedule::RunView>>> history(std::string_view name, int) override {
    if (name != "digest") co_return fail(Errc::not_found, "job", name);
    co_return std::vector<schedule::RunView>{view("ok")};
  }
  asio::awaitable<Result<schedule::RunView>> run(std::string_view name, std::string_view) override {
    if (name != "digest") co_return fail(Errc::not_found, "job", name);
    co_return view("ok");
  }
  asio::awaitable<Result<schedule::RunView>> wait(std::string_view, steady_clock::time_point) override {
    co_return view(final_state);
  }
  asio::awaitable<Result<void>> reload(config::Config) override { co_return Result<void>(); }
  void on_tick(std::function<void(const schedule::TickReport&)>) override {}
  asio::awaitable<void> stop(steady_clock::time_point) override { co_return; }
  std::string final_state = "ok";

 private:
  schedule::RunView view(std::string state) const {
    schedule::RunView out;
    out.id = "17", out.job = "digest", out.state = std::move(state), out.trigger = "manual", out.log = log;
    return out;
  }
};

class FakeCustodian final : public custody::Custodian {
 public:
  explicit FakeCustodian(Counts& counts) : counts_(counts) { rung_.guarantee = "gone with the gateway"; }
  const custody::RungReport& rung() const override { return rung_; }
  const std::string& gateway_id() const override { return id_; }
  asio::awaitable<custody::RecoveryReport> recover() override { co_return custody::RecoveryReport{}; }
  asio::awaitable<Result<std::shared_ptr<custody::Tree>>> start(custody::TreeSpec) override {
    co_return fail(Errc::refused, "fake");
  }
  asio::awaitable<bool> stop(std::shared_ptr<custody::Tree>, std::string) override { co_return true; }
  asio::awaitable<custody::SweepReport> sweep() override {
    ++counts_.swept;
    co_return sweep_dry_run();
  }
  custody::SweepReport sweep_dry_run() const override { return {3, {"t-1"}, {}}; }
  asio::awaitable<custody::SweepReport> shutdown() override { co_return custody::SweepReport{}; }
  std::vector<std::shared_ptr<custody::Tree>> trees() const override { return {}; }
  milliseconds longest_graces() const override { return {}; }
  Totals totals() const override { return {5, 4, 2}; }

 private:
  Counts& counts_;
  custody::RungReport rung_;
  std::string id_ = "g1";
};

// The whole front on a unix socket, served by fakes.
struct FakeFront {
  TempDir dir;
  std::filesystem::path path = dir.path / "holdfast.sock";
  FakeGateway gateway;
  FakeScheduler scheduler;
  FakeCustodian custodian{gateway.counts};
  Counts& counts = gateway.counts;
  ReloadReport reloaded;
  std::string warning;
  gateway::Tokens tokens{gateway::token_file_in(dir.path), {}, std::make_shared<Worker>(4)};
  LoopThread thread;
  std::unique_ptr<McpEndpoint> endpoint;
  std::unique_ptr<ControlApi> api;
  std::unique_ptr<HttpServer> server;

  explicit FakeFront(McpEndpointOptions options = {}) {
    thread.on([&] {
      const auto executor = thread.loop.get_executor();
      endpoint = McpEndpoint::create(executor, gateway, options);
      ControlHooks hooks{{"1.2.3", 42, {}, {"127.0.0.1:4653"}, "loopback"},
                         [this] { ++counts.shutdowns; },
                         [this]() -> asio::awaitable<Result<ReloadReport>> { co_return reloaded; },
                         [this] { return warning; }};
      api = std::make_unique<ControlApi>(
          ControlContext{executor, gateway, scheduler, custodian, tokens, hooks});
      tokens.on_revoked([this](const auto& who) { endpoint->end_sessions_of(who); });
      server = HttpServer::create(executor, {});
      server->on_connection_closed([this](std::uint64_t id) { endpoint->connection_closed(id); });
      auto listener = net::Listener::open(executor, unix_address(path.string()));
      ASSERT_TRUE(listener) << listener.error().message();
      server->serve(std::move(*listener), control_service(*api, *endpoint));
    });
  }
  ~FakeFront() { stop(); }
  void stop() {
    if (!server) return;
    thread.await(endpoint->stop(steady_clock::now() + 5s));
    thread.await(server->stop(steady_clock::now()));
    thread.on([&] {
      server.reset();
      api.reset();
      endpoint.reset();
    });
  }
  // What the server of the session opened last says unasked.
  void say(std::string method, std::string params = {}) {
    thread.on([&] {
      if (const auto heard = gateway.voice.consumer.lock()) heard->notified("memory", method, params, 0);
    });
  }
  void open_gate() {
    thread.on([&] { gateway.voice.gate.set(); });
  }
  net::HttpResponse ask(std::string method, std::string target, std::string body = {},
                        std::vector<std::pair<std::string, std::string>> headers = {}) const {
    auto got = net::fetch(unix_address(path.string()),
                          {std::move(method), std::move(target), std::move(headers), std::move(body)}, 10s);
    if (got) return *got;
    ADD_FAILURE() << got.error().message();
    return {};
  }
};

}  // namespace holdfast::front::testing_tools
