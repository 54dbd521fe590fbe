// Servers that say too much and clients that do not read, against the gateway as it runs: its memory is the
// kernel's word (smaps_rollup), and everybody else is served meanwhile.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "desk.h"
#include "needs.h"
#include "net/http_client.h"
#include "os/procfs.h"
#include "outer.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using asio::ip::tcp;
using json = nlohmann::json;

constexpr milliseconds kAnswer = 5s;
constexpr std::int64_t kMiB = 1 << 20;

long number_of(const char* variable, long otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtol(text, nullptr, 10) : otherwise;
}

class Loud : public ProgramsTest {
 protected:
  void TearDown() override {
    deaf_.clear();
    gateway_.reset();
    ProgramsTest::TearDown();
  }
  void start(const std::vector<std::string>& within = {}) {
    const std::string program = "\n    command: " + program_path("fixtures/hostile_server");
    gateway_.emplace("listen: \"127.0.0.1:0\"\ndrain: 1s\nmcpServers:\n  own:" + program +
                         "\n  calm:" + program + "\n  shared:" + program + "\n    sharing: shared\n",
                     within);
    const auto status = json::parse(gateway_->cli({"status", "--json"}).out);
    address_ = *parse_address(status["gateway"]["listen"][0].get<std::string>());
  }
  net::HttpResponse post(const std::string& server, const std::string& session, const std::string& body) {
    net::HttpRequest request{
        .method = "POST",
        .target = "/mcp/" + server,
        .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}},
        .body = body};
    if (!session.empty()) request.headers.emplace_back("Mcp-Session-Id", session);
    return net::fetch(address_, std::move(request), patience(kAnswer)).value_or(net::HttpResponse{});
  }
  std::string open(const std::string& server) {
    const auto hello = post(
        server, "",
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})");
    return std::string(hello.header("Mcp-Session-Id").value_or("none"));
  }
  std::string call(const std::string& server, const std::string& session, const std::string& tool,
                   const std::string& arguments = "{}") {
    return text_of(post(server, session, tool_call("1", tool, arguments)).body);
  }
  // A request whose answer nobody ever reads.
  tcp::socket& ask_and_be_deaf(const std::string& verb, const std::string& server, const std::string& session,
                               const std::string& body = "") {
    auto& socket = deaf_.emplace_back(loop_);
    socket.connect(tcp::endpoint(asio::ip::make_address(address_.host), address_.port));
    asio::write(socket, asio::buffer(verb + " /mcp/" + server +
                                     " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                     "Accept: application/json, text/event-stream\r\nMcp-Session-Id: " +
                                     session + "\r\nContent-Length: " + std::to_string(body.size()) +
                                     "\r\n\r\n" + body));
    return socket;
  }
  // Whether its answer ends, however much of it lies between us: read at last.
  static bool was_let_go(tcp::socket& socket) {
    socket.non_blocking(true);
    std::string piece(1 << 20, '\0');
    boost::system::error_code ec;
    return until(
        [&] {
          while (socket.read_some(asio::buffer(piece), ec) > 0) continue;
          return ec != asio::error::would_block;
        },
        kAnswer);
  }
  std::int64_t memory() { return os::pss_anon_bytes(gateway_->program().pid()).value_or(0); }

  // Until nothing is left of what these sessions' servers say: calls of others are answered in time; the most
  // memory that was seen.
  using Callee = std::pair<std::string, std::string>;  // server and session
  std::int64_t most_memory_during(const std::vector<Callee>& loud, const std::vector<Callee>& others) {
    std::int64_t most = 0;
    int rounds = 0;
    for (bool over = false; !over && !HasFatalFailure(); ++rounds) {
      over = true;
      for (const auto& [server, session] : others)
        EXPECT_EQ(call(server, session, "echo", R"({"text":"still"})"), "still")
            << server << ", round " << rounds;
      for (const auto& [server, session] : loud) over = call(server, session, "left") == "0" && over;
      most = std::max(most, memory());
      if (HasFailure()) break;
    }
    RecordProperty("rounds", rounds);
    RecordProperty("most_kib", static_cast<int>(most / 1024));
    EXPECT_GE(rounds, 3) << "it was over before anybody else could ask: this says nothing";
    return most;
  }

  std::optional<GatewayProcess> gateway_;
  Address address_;
  asio::io_context loop_;
  std::deque<tcp::socket> deaf_;
};

// ---------------------------------------------------------------------------------------------------------

using Storm = Loud;

// Three streams that nobody reads: of 8 MiB each, and 4 MiB of what may be asked for again, for each session.
constexpr std::int64_t kStreams = 3 * 8 * kMiB, kReplays = 3 * 4 * kMiB, kSlack = 12 * kMiB;

TEST_F(Storm, of_changes_logs_and_updates_costs_bounded_memory_though_a_client_does_not_read) {
  start();
  const std::string storm =
      R"({"times":)" + std::to_string(number_of("HOLDFAST_STORM", 100'000)) + R"(,"bytes":1000})";
  const std::string subscribe =
      R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://x"}})";
  const Callee own{"own", open("own")}, deaf{"shared", open("shared")}, absent{"shared", open("shared")};
  const Callee reader{"shared", open("shared")}, elsewhere{"calm", open("calm")};
  for (const auto& [server, session] : {own, deaf, absent})
    EXPECT_THAT(post(server, session, subscribe).body, testing::HasSubstr("\"result\""));
  // The log goes to the call in flight, updates to the stream that belongs to none; `absent` has not even
  // that.
  ask_and_be_deaf("POST", "own", own.second, tool_call("7", "hang", "{}"));
  ask_and_be_deaf("GET", "own", own.second);
  ask_and_be_deaf("GET", "shared", deaf.second);
  const std::string pid = call("shared", reader.second, "pid");
  const auto before = memory();
  ASSERT_GT(before, 0);
  ASSERT_EQ(call("own", own.second, "storm", storm), "storming");
  ASSERT_EQ(call("shared", reader.second, "storm", storm), "storming");
  const auto most = most_memory_during({own, reader}, {reader, elsewhere});
  EXPECT_LT(most - before, kStreams + kReplays + kSlack) << before << " bytes became " << most;
  for (auto& socket : deaf_) EXPECT_TRUE(was_let_go(socket));
  EXPECT_EQ(call("shared", reader.second, "pid"), pid);
  EXPECT_EQ(call("shared", deaf.second, "pid"), pid) << "its session lives: it may come back for the rest";
}

// ---------------------------------------------------------------------------------------------------------

using StderrFlood = Loud;

// What runs a gateway with its logs on a disk of 256 KiB.
std::vector<std::string> on_a_small_disk() {
  std::vector<std::string> words{"/usr/bin/unshare", "--mount"};
  if (::geteuid() != 0) words.insert(words.end(), {"--user", "--map-root-user"});
  words.insert(words.end(),
               {"/bin/sh", "-c",
                R"(for word; do case "$last" in --state-dir) logs=$word/logs;; esac; last=$word; done
mkdir -p "$logs" && mount -t tmpfs -o size=256k none "$logs" && exec "$@")",
                "sh"});
  return words;
}
bool can_mount() {
  auto words = on_a_small_disk();
  const auto dir = std::filesystem::temp_directory_path() / ("holdfast-mount-" + random_hex(6));
  words.insert(words.end(), {"/bin/true", "--state-dir", dir.string()});
  const std::string program = words.front();
  words.erase(words.begin());
  const bool can = run_program(program, words, 10s).exit.code == 0;
  std::filesystem::remove_all(dir);
  return can;
}

TEST_F(StderrFlood, onto_a_full_disk_costs_neither_a_call_nor_memory) {
  HOLDFAST_NEEDS("mount", can_mount(),
                 "a mount namespace of one's own, and the right to mount a tmpfs in it");
  start(on_a_small_disk());
  const Callee loud{"shared", open("shared")}, same{"shared", open("shared")},
      elsewhere{"calm", open("calm")};
  const auto before = memory();
  ASSERT_GT(before, 0);
  const auto mib = std::to_string(number_of("HOLDFAST_FLOOD_MIB", 1024));
  ASSERT_EQ(call("shared", loud.second, "flood", R"({"mib":)" + mib + "}"), "flooding");
  const auto most = most_memory_during({loud}, {same, elsewhere});
  EXPECT_LT(most - before, 12 * kMiB) << before << " bytes became " << most;
  const auto logs = std::filesystem::path("/proc/" + std::to_string(gateway_->program().pid()) + "/root") /
                    (gateway_->dir() / "state/logs").relative_path();
  EXPECT_EQ(std::filesystem::space(logs).capacity, 256U << 10) << "the logs were not on the small disk";
  EXPECT_EQ(std::filesystem::space(logs).available, 0U) << "the disk was not full";
  gateway_->program().signal(SIGTERM);
  const auto end = gateway_->program().wait(10s);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0);
}

}  // namespace
}  // namespace holdfast::test
