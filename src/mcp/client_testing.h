// For the client's tests: a client that has gone through its handshake with a scripted server.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/client.h"
#include "mcp/test_peer.h"

namespace holdfast::mcp {

template <class T>
asio::awaitable<void> keep(asio::awaitable<T> work, std::optional<T>& into) {
  into.emplace(co_await std::move(work));
}

inline Deadline in(milliseconds time) { return steady_clock::now() + time; }

inline const std::string kHello =
    R"({"result":{"protocolVersion":"2025-06-18","capabilities":{"tools": {}},"serverInfo":{"name":"s"},)"
    R"("instructions":"be \"nice\""},"jsonrpc":"2.0","id":1})";

class ClientTest : public ::testing::Test {
 protected:
  using Answer = std::optional<Result<Reply>>;

  void open(ClientOptions options = {}) {
    options.name = "test";
    client = Client::over_stdio(loop.get_executor(), peer.in(), peer.out(), options,
                                {.notification =
                                     [this](std::string_view method, std::string_view params) {
                                       notes.push_back(std::string(method) + " " + std::string(params));
                                     },
                                 .request = std::move(on_request),
                                 .withdrawn = [this](std::string_view id) { withdrawn.emplace_back(id); },
                                 .closed = [this](const Error& why) { closed.push_back(why.message()); }});
  }
  // Opens, and goes through the handshake with `answer`.
  void hello(std::string answer = kHello, ClientOptions options = {}) {
    open(options);
    tasks.spawn("initialize", keep(client->initialize(in(5s)), initialized));
    offered = peer.hear();
    peer.say(answer + "\n");
    ASSERT_TRUE(run_until(loop, [&] { return initialized.has_value(); }));
    if (*initialized) EXPECT_EQ(peer.hear(), R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  void ask(Answer& into, std::string_view method, std::string_view params = {}, milliseconds limit = 5s,
           std::function<void(std::string_view)> progress = {}) {
    tasks.spawn(
        "ask", keep(client->request(method, params, {.deadline = in(limit), .progress = std::move(progress)}),
                    into));
    loop.restart();
    loop.poll();
  }
  bool answered(const Answer& answer) {
    return run_until(loop, [&] { return answer.has_value(); });
  }
  bool counted(const std::int64_t ClientCounters::* counter, std::int64_t value) {
    return run_until(loop, [&] { return client->counters().*counter == value; });
  }

  asio::io_context loop;
  Peer peer{loop};
  std::unique_ptr<Client> client;
  std::function<void(std::string_view, std::string_view, std::string_view)> on_request;
  std::vector<std::string> notes, closed, asked, withdrawn;
  std::optional<Result<InitializeResult>> initialized;
  std::string offered;
  TaskGroup tasks{loop.get_executor()};
};

}  // namespace holdfast::mcp
