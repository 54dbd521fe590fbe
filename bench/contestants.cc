#include "contestants.h"

#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "bench.h"
#include "net/http_client.h"
#include "program.h"

namespace holdfast::bench {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr milliseconds kAnswer{10'000};
constexpr std::chrono::seconds kStart{30};  // node's module loading, on a busy machine
constexpr std::string_view kHello =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})";
constexpr std::string_view kReady = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";

Result<net::HttpResponse> post(const Contestant& to, const std::string& session, std::string_view body) {
  net::HttpRequest request{
      .method = "POST",
      .target = to.path,
      .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}},
      .body = std::string(body),
      .host = to_string(to.address)};
  if (!session.empty()) request.headers.emplace_back("Mcp-Session-Id", session);
  return net::fetch(to.address, std::move(request), kAnswer);
}

Address loopback(std::uint16_t port) {
  return {.local = false, .path = {}, .host = "127.0.0.1", .port = port};
}

std::uint16_t free_port() {
  asio::io_context loop;
  return asio::ip::tcp::acceptor(loop, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

// A program of somebody's that listens on `port`; what it says on stdout goes nowhere.
std::optional<Contestant> peer(const std::string& name, std::vector<std::string> command, std::uint16_t port,
                               std::string path) {
  std::vector<std::string> words{"-c", "exec \"$@\" >/dev/null", "sh"};
  for (auto& word : on_servers_processor()) words.push_back(word);
  for (auto& word : command) words.push_back(std::move(word));
  const auto log = fs::temp_directory_path() / ("holdfast-bench-" + name + ".log");
  const auto program = std::make_shared<test::Program>("/bin/sh", words, log);
  Contestant contestant{.name = name,
                        .pid = program->pid(),
                        .address = loopback(port),
                        .path = std::move(path),
                        .running = program};
  std::string why = "it did not listen";
  for (const auto deadline = Clock::now() + kStart; Clock::now() < deadline;) {
    if (program->wait(milliseconds(0))) {
      why = "it ended";
      break;
    }
    try {
      (void)open_session(contestant);
      return contestant;
    } catch (const std::exception& error) {
      why = error.what();
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
  say("    " + name + " does not work here: left out; " + why + " (its words: " + log.string() + ")");
  return std::nullopt;
}

}  // namespace

std::vector<std::string> on_servers_processor() { return {"/usr/bin/taskset", "-c", "1"}; }

OnClientsProcessor::OnClientsProcessor() : before_(sizeof(cpu_set_t)) {
  cpu_set_t set;
  CPU_ZERO(&set);
  (void)::sched_getaffinity(0, sizeof set, &set);
  std::memcpy(before_.data(), &set, sizeof set);
  if (CPU_COUNT(&set) < 2)
    throw std::runtime_error("two processors are needed: one for the clients, one for the servers");
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

OnClientsProcessor::~OnClientsProcessor() {
  cpu_set_t set;
  std::memcpy(&set, before_.data(), sizeof set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

Contestant bare_echo() {
  auto words = on_servers_processor();
  words.emplace_back(HOLDFAST_BENCH_ECHO_HTTP);
  const auto program = std::make_shared<test::Program>(
      words.front(), std::vector<std::string>(words.begin() + 1, words.end()), "/dev/null");
  const auto line = program->read_line(kAnswer).value_or("");
  std::uint16_t port = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), port).ec != std::errc())
    throw std::runtime_error("the bare echo did not start");
  return {.name = "bare HTTP echo",
          .pid = program->pid(),
          .address = loopback(port),
          .path = "/",
          .sessions = false,
          .running = program};
}

Contestant holdfast() {
  const auto gateway = std::make_shared<test::GatewayProcess>(
      std::string("listen: [\"127.0.0.1:0\"]\nmcpServers:\n  echo:\n    sharing: shared\n    command: ") +
          HOLDFAST_BENCH_ECHO_MCP + "\n",
      on_servers_processor());
  const auto status = nlohmann::json::parse(gateway->cli({"status", "--json"}).out);
  const auto address = parse_address(status["gateway"]["listen"][0].get<std::string>());
  if (!address) throw std::runtime_error("the gateway listens nowhere");
  return {.name = "holdfast",
          .pid = gateway->program().pid(),
          .address = *address,
          .path = "/mcp/echo",
          .running = gateway};
}

std::vector<Contestant> peers() {
  std::vector<Contestant> all;
  const fs::path tools = HOLDFAST_BENCH_PEERS;
  const auto add = [&](const std::string& name, std::vector<std::string> command, std::uint16_t port,
                       bool with_servers) {
    if (!fs::exists(command[command[0].ends_with("node") ? 1 : 0])) {
      say("    " + name + " is not installed (scripts/setup-peers.sh): left out");
      return;
    }
    if (auto one = peer(name, std::move(command), port, "/mcp")) {
      one->with_servers = with_servers;
      all.push_back(std::move(*one));
    }
  };
  const std::string node = tools / "bin/node", modules = tools / "peers/node_modules",
                    server = HOLDFAST_BENCH_ECHO_MCP;
  std::uint16_t port = free_port();
  add("supergateway",
      {node, modules + "/supergateway/dist/index.js", "--stdio", server, "--outputTransport",
       "streamableHttp", "--stateful", "--port", std::to_string(port), "--logLevel", "none"},
      port, true);
  port = free_port();
  add("mcp-proxy (npm)",
      {node, modules + "/mcp-proxy/dist/bin/mcp-proxy.mjs", "--host", "127.0.0.1", "--port",
       std::to_string(port), "--server", "stream", "--", server},
      port, false);
  port = free_port();
  add("mcp-proxy (PyPI)",
      {tools / "peers/venv/bin/mcp-proxy", "--host", "127.0.0.1", "--port", std::to_string(port), "--",
       server},
      port, false);
  // Its clients speak HTTP+SSE only, where the answer to a POST comes on another connection.
  say("    mcp-hub has no Streamable HTTP: left out");
  return all;
}

Target open_session(const Contestant& contestant) {
  Target target{.address = contestant.address, .path = contestant.path, .session = {}};
  if (!contestant.sessions) return target;
  const auto hello = post(contestant, {}, kHello);
  if (!hello) throw std::runtime_error(contestant.name + ": no session: " + hello.error().message());
  const auto session = hello->header("Mcp-Session-Id");
  if (hello->status != 200 || !session)
    throw std::runtime_error(contestant.name + ": no session: " + std::to_string(hello->status) + " " +
                             hello->body.substr(0, 200));
  target.session = *session;
  (void)post(contestant, target.session, kReady);
  return target;
}

}  // namespace holdfast::bench
