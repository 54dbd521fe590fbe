// For tests: servers as values that tests set and read, behind a gateway and sessions without processes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/catalog.h"
#include "gateway/gateway.h"
#include "mcp/message.h"

namespace holdfast::gateway::testing_tools {

using std::chrono::steady_clock;

struct FakeServer {
  std::string capabilities = R"({"tools":{"listChanged":true}})";
  std::string instructions;
  // Answers one request; unset: -32601.
  std::function<Result<mcp::Reply>(const std::string& method, const std::string& params)> answer;
  std::string failure;          // not empty: it cannot be started, and this is why
  std::shared_ptr<Event> gate;  // set: only then does it answer initialize
  std::string state = "ready", sharing = "session";
  std::uint64_t entry = 1;
  int connects = 0;
  std::vector<std::pair<std::string, std::string>> heard;  // requests: method, params
  std::vector<std::string> notified;
};

inline mcp::Reply result(std::string raw) { return {.result = std::move(raw), .error = {}}; }
inline mcp::Reply refused(std::int64_t code, std::string message) {
  return {.result = {}, .error = mcp::RpcError{code, std::move(message), {}}};
}

// By raw results of each method.
inline auto answers(std::map<std::string, std::string> by_method) {
  return [by_method = std::move(by_method)](const std::string& method,
                                            const std::string&) -> Result<mcp::Reply> {
    const auto it = by_method.find(method);
    return it == by_method.end() ? refused(mcp::kMethodNotFound, "Method not found") : result(it->second);
  };
}

using FakeServers = std::map<std::string, FakeServer>;

class FakeSession final : public Session {
 public:
  FakeSession(std::shared_ptr<FakeServers> servers, std::string label)
      : servers_(std::move(servers)), label_(std::move(label)) {}
  const std::string& id() const override { return id_; }
  SessionKind kind() const override { return SessionKind::client; }
  const std::string& label() const override { return label_; }
  asio::awaitable<Result<mcp::InitializeResult>> connect(std::string_view server) override {
    return hello(servers_, std::string(server));
  }
  asio::awaitable<Result<mcp::Reply>> request(std::string_view server, std::string_view method,
                                              std::string_view params, CallOptions) override {
    return ask(servers_, std::string(server), std::string(method), std::string(params));
  }
  Result<void> notify(std::string_view server, std::string_view method, std::string_view) override {
    servers_->at(std::string(server)).notified.emplace_back(method);
    return {};
  }
  asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::string_view) override {
    co_return fail(Errc::refused, "fake");
  }

 private:
  static asio::awaitable<Result<mcp::InitializeResult>> hello(std::shared_ptr<FakeServers> servers,
                                                              std::string name) {
    const auto it = servers->find(name);
    if (it == servers->end()) co_return fail(Errc::not_found, "server", name);
    FakeServer& server = it->second;
    if (server.gate && !co_await server.gate->wait_until(steady_clock::now() + std::chrono::seconds(20)))
      co_return fail(Errc::timeout, "connect", name);
    if (!server.failure.empty()) co_return fail(Errc::refused, "", server.failure);
    ++server.connects;
    co_return mcp::InitializeResult{"2025-11-25", server.capabilities, "{}", server.instructions};
  }
  static asio::awaitable<Result<mcp::Reply>> ask(std::shared_ptr<FakeServers> servers, std::string name,
                                                 std::string method, std::string params) {
    auto met = co_await hello(servers, name);
    if (!met) co_return forward(met);
    FakeServer& server = servers->at(name);
    server.heard.emplace_back(method, params);
    co_return server.answer ? server.answer(method, params)
                            : Result<mcp::Reply>(refused(mcp::kMethodNotFound, "Method not found"));
  }

  std::shared_ptr<FakeServers> servers_;
  std::string id_ = "s1", label_;
};

class FakeGateway final : public Gateway {
 public:
  std::shared_ptr<FakeServers> fakes = std::make_shared<FakeServers>();
  std::shared_ptr<Catalog> remembered = std::make_shared<Catalog>();
  std::weak_ptr<Consumer> consumer;  // of the session that was opened last
  bool closed = false;

  FakeServer& operator[](const std::string& name) { return (*fakes)[name]; }
  // The server speaks, unasked.
  void say(std::string_view server, std::string_view method, std::string_view params = {}) {
    if (const auto one = consumer.lock()) one->notified(server, method, params, 0);
  }

  std::shared_ptr<Catalog> catalog() override { return remembered; }
  std::unique_ptr<Session> open_session(SessionKind, std::string label,
                                        const std::shared_ptr<Consumer>& by) override {
    consumer = by;
    return closed ? nullptr : std::make_unique<FakeSession>(fakes, std::move(label));
  }
  asio::awaitable<Result<std::unique_ptr<HeldTree>>> run_in_custody(custody::TreeSpec, std::string) override {
    co_return fail(Errc::refused, "fake");
  }
  std::vector<std::string> child_environment(const std::map<std::string, std::string>&) const override {
    return {};
  }
  bool has_server(std::string_view name) const override { return fakes->contains(std::string(name)); }
  std::vector<ServerView> servers() const override {
    std::vector<ServerView> views;
    for (const auto& [name, server] : *fakes) {
      ServerView view;
      view.name = name, view.state = server.state, view.sharing = server.sharing, view.entry = server.entry;
      if (server.state != "ready") view.reason = server.failure;
      views.push_back(std::move(view));
    }
    return views;
  }
  std::vector<InstanceView> instances() const override { return {}; }
  std::vector<SessionView> sessions() const override { return {}; }
  std::filesystem::path stderr_log(std::string_view) const override { return {}; }
  asio::awaitable<Result<StopReport>> stop_server(std::string, StopRequest) override {
    co_return fail(Errc::refused, "fake");
  }
  void reload(const config::Config&) override {}
  bool evict_idle(const std::string&) override { return false; }
  void close() override { closed = true; }
  asio::awaitable<bool> drained(steady_clock::time_point) override { co_return true; }
};

// Hears; answers what it is asked with its own method.
class FakeClient final : public Consumer {
 public:
  mcp::ClientProfile about;
  std::vector<std::string> heard;  // "server method params"
  const mcp::ClientProfile& profile() const override { return about; }
  void notified(std::string_view server, std::string_view method, std::string_view params,
                CallNumber) override {
    heard.push_back(std::string(server).append(" ").append(method).append(" ").append(params));
  }
  asio::awaitable<Result<mcp::Reply>> asked(std::string, std::string method, std::string,
                                            CallNumber) override {
    co_return result(mcp::quote(method));
  }
};

}  // namespace holdfast::gateway::testing_tools
