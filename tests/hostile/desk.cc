#include "desk.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway/principal.h"
#include "outer.h"

namespace holdfast::test {

using std::chrono::steady_clock;

namespace {

// The elements of an array by their bytes.
std::vector<std::string> elements(std::string_view array) {
  std::vector<std::string> all(1);
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 1; i + 1 < array.size(); ++i) {
    const char c = array[i];
    if (quoted && c == '\\')
      all.back() += array[i++];
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '{' || c == '['))
      ++depth;
    else if (!quoted && (c == '}' || c == ']'))
      --depth;
    if (!quoted && depth == 0 && c == ',')
      all.emplace_back();
    else
      all.back() += array[i];
  }
  return all;
}

std::vector<std::string> data_of(std::string_view events) {
  constexpr std::string_view field = "data: ";
  std::vector<std::string> all;
  for (std::size_t at = 0, end; (end = events.find('\n', at)) != std::string_view::npos; at = end + 1) {
    const auto line = events.substr(at, end - at);
    if (line.starts_with(field) && line.size() > field.size()) all.emplace_back(line.substr(field.size()));
  }
  return all;
}

asio::awaitable<void> serve(front::McpEndpoint& endpoint, front::Request request, AskedPtr asked) {
  auto response = co_await endpoint.handle(std::move(request), gateway::anonymous());
  asked->status = response.status;
  asked->is_stream = response.stream != nullptr;
  for (const auto& [name, value] : response.headers)
    if (name == "Mcp-Session-Id") asked->session = value;
  asked->body = std::move(response.body);
  asked->answered = true;
  for (bool last = !response.stream; !last;) {
    const auto batch = co_await response.stream->next(steady_clock::now() + 60s);
    for (const auto& piece : batch.pieces) asked->body += *piece;
    last = batch.last;
    if (!last && co_await is_cancelled()) {
      response.stream->close();
      last = true;
    }
  }
  asked->over = true;
}

// The endpoint holds what of it still runs by itself; the frame of serve() only lends it the request.
asio::awaitable<bool> stop(front::McpEndpoint& endpoint) {
  co_await endpoint.stop(steady_clock::now() + 5s);
  co_return true;
}

}  // namespace

config::Server hostile_server(std::string name, std::vector<std::string> arguments) {
  auto server = fixture_server(std::move(name), std::move(arguments));
  server.command = program_path("fixtures/hostile_server");
  return server;
}

config::Config config_of(std::vector<config::Server> servers) {
  config::Config config;
  for (auto& server : servers) {
    const std::string name = server.name;
    config.servers.emplace(name, std::move(server));
  }
  return config;
}

std::vector<std::string> Asked::messages() const {
  if (is_stream) return data_of(body);
  if (body.empty()) return {};
  return body.starts_with('[') ? elements(body) : std::vector{body};
}

bool is_result_of(std::string_view message, std::string_view raw_id) {
  return message.starts_with(R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"result":)");
}

bool is_error_of(std::string_view message, std::string_view raw_id, int code) {
  const std::string id = raw_id.empty() ? "" : R"("id":)" + std::string(raw_id) + ",";
  return message.starts_with(R"({"jsonrpc":"2.0",)" + id + R"("error":{"code":)" + std::to_string(code) +
                             ",");
}

Desk::Desk(config::Config config, front::McpSessionOptions session)
    : house(std::move(config)),
      endpoint(front::McpEndpoint::create(house.loop.get_executor(), *house.gateway, {.session = session})) {}

Desk::~Desk() { (void)house.run(stop(*endpoint)); }

AskedPtr Desk::send(std::string verb, std::string target, std::string body, Headers headers,
                    std::uint64_t connection) {
  auto asked = std::make_shared<Asked>(house.loop.get_executor());
  front::Request request;
  request.method = std::move(verb);
  request.target = std::move(target);
  request.headers = std::move(headers);
  request.body = std::move(body);
  request.connection = connection;
  asked->task.spawn("client", serve(*endpoint, std::move(request), asked));
  return asked;
}

AskedPtr Desk::post(const std::string& server, const std::string& session, std::string body, bool streams) {
  Headers headers{{"Content-Type", "application/json"},
                  {"Accept", streams ? "application/json, text/event-stream" : "application/json"}};
  if (!session.empty()) headers.emplace_back("Mcp-Session-Id", session);
  return send("POST", "/mcp/" + server, std::move(body), std::move(headers));
}

bool Desk::wait(const AskedPtr& asked, milliseconds limit) {
  return house.turn_until([&] { return asked->over; }, limit);
}

void Desk::settle() {
  house.loop.restart();
  while (house.loop.poll() > 0) house.loop.restart();
}

std::string Desk::open(const std::string& server, const std::string& revision) {
  const auto asked =
      post(server, "",
           R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" + revision +
               R"(","capabilities":{},"clientInfo":{"name":"hostile","version":"1"}}})");
  EXPECT_TRUE(wait(asked) && is_result_of(asked->body, "0")) << asked->body;
  return asked->session;
}

std::string Desk::call(const std::string& server, const std::string& session, const std::string& tool,
                       const std::string& arguments) {
  const auto asked = post(server, session, tool_call("1", tool, arguments));
  return wait(asked) ? text_of(asked->body) : "(no answer)";
}

std::string tool_call(std::string_view id, std::string_view tool, std::string_view arguments) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(tool) + R"(","arguments":)" + std::string(arguments) + "}}";
}

std::string text_of(const std::string& message) {
  const auto json = nlohmann::json::parse(message, nullptr, false);
  if (!json.is_object() || !json.contains("result") || !json["result"].contains("content")) return message;
  return json["result"]["content"][0]["text"].get<std::string>();
}

}  // namespace holdfast::test
