#include <time.h>

#include <algorithm>
#include <deque>
#include <set>
#include <stdexcept>

#include "bench.h"
#include "census.h"
#include "net/http_client.h"
#include "os/process.h"
#include "os/procfs.h"
#include "program.h"
#include "servers.h"

namespace holdfast::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kInstances = 100;
constexpr std::size_t kHeld = 1000;
constexpr milliseconds kSettle{2000}, kHold{10'000};
constexpr double kKilo = 1024;

std::string configuration(std::size_t instances) {
  return std::string("listen: [\"127.0.0.1:0\"]\nmcpServers:\n  s:\n    command: ") +
         HOLDFAST_FIXTURE_SERVER + "\n    maxInstances: " + std::to_string(instances) + "\n";
}

// Each starts an instance of its own.
void open_sessions(const test::GatewayProcess& gateway, std::size_t count) {
  const net::HttpRequest request{
      .method = "POST",
      .target = "/mcp/s",
      .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}},
      .body =
          R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})"};
  const auto socket = unix_address((gateway.dir() / "state/holdfast.sock").string());
  for (std::size_t i = 0; i < count; ++i) {
    const auto response = net::fetch(socket, request, milliseconds(10'000));
    if (!response || response->status != 200)
      throw std::runtime_error("no session: " + (response ? response->body : response.error().message()));
  }
}

std::int64_t anonymous_bytes(pid_t pid) { return os::pss_anon_bytes(pid).value_or(0); }

double pss_kilobytes(const std::vector<pid_t>& processes) {
  std::int64_t sum = 0;
  for (const pid_t pid : processes) sum += os::pss_bytes(pid).value_or(0);
  return static_cast<double>(sum) / kKilo;
}

// What these processes, all their threads, have had of the processors since they began.
double processor_seconds(const std::vector<pid_t>& processes) {
  double sum = 0;
  for (const pid_t pid : processes) {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
      throw std::runtime_error("process " + std::to_string(pid) + " is gone");
    sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  return sum;
}

// The processes of a thousand servers in custody and of a thousand without.
struct Held {
  std::vector<pid_t> gateway, keepers, servers, bare;
};

Held count_held(pid_t gateway, const std::deque<BareServer>& alone) {
  Held held{.gateway = {gateway}, .keepers = {}, .servers = {}, .bare = {}};
  for (const auto& server : alone) held.bare.push_back(server.pid());
  std::set<pid_t> known(held.bare.begin(), held.bare.end());
  known.insert(gateway);
  for (const auto& living : test::living_descendants())
    if (!known.contains(living.pid)) (living.keeper ? held.keepers : held.servers).push_back(living.pid);
  if (held.keepers.size() != kHeld || held.servers.size() != kHeld)
    throw std::runtime_error(std::to_string(held.keepers.size()) + " keepers of " +
                             std::to_string(held.servers.size()) + " servers");
  return held;
}

}  // namespace

nlohmann::json bench_memory() {
  test::own_all_descendants();
  test::GatewayProcess gateway(configuration(kInstances));
  const pid_t pid = gateway.program().pid();
  const auto idle = os::pss_bytes(pid).value_or(0), idle_anonymous = anonymous_bytes(pid);
  open_sessions(gateway, kInstances);
  const std::int64_t loaded = anonymous_bytes(pid);
  std::int64_t keepers = 0, keeper_pss = 0, keeper_anonymous = 0;
  for (const auto& living : test::living_descendants()) {
    if (!living.keeper) continue;
    ++keepers;
    keeper_pss += os::pss_bytes(living.pid).value_or(0);
    keeper_anonymous += anonymous_bytes(living.pid);
  }
  if (keepers != kInstances) throw std::runtime_error(std::to_string(keepers) + " keepers");
  const auto each = [](std::int64_t bytes, std::int64_t count, double most) {
    return Goal{static_cast<double>(bytes / count) / kKilo, most, "kB", 0};
  };
  const Goal at_rest = each(idle, 1, 8192), instance = each(loaded - idle_anonymous, keepers, 60),
             together = each(keeper_pss, 1, 12288), keeper = each(keeper_anonymous, keepers, 100);
  say("memory: gateway idle PSS " + at_rest.text() + ", per idle instance " + instance.text());
  say("        " + std::to_string(keepers) + " keepers PSS together " + together.text() + ", Pss_Anon each " +
      keeper.text());
  return {{"gateway_idle_pss", at_rest.json()},   {"gateway_idle_anonymous_bytes", idle_anonymous},
          {"per_idle_instance", instance.json()}, {"keepers", keepers},
          {"keepers_pss", together.json()},       {"keeper_anonymous", keeper.json()}};
}

nlohmann::json bench_held() {
  test::own_all_descendants();
  test::GatewayProcess gateway(configuration(kHeld));
  std::deque<BareServer> alone;
  open_sessions(gateway, kHeld);
  while (alone.size() < kHeld) alone.emplace_back(Words{HOLDFAST_FIXTURE_SERVER});
  (void)os::poll_all({}, kSettle);
  const Held held = count_held(gateway.program().pid(), alone);
  const auto spent = [&] {
    return std::array{processor_seconds(held.gateway), processor_seconds(held.keepers),
                      processor_seconds(held.servers), processor_seconds(held.bare)};
  };
  const auto start = Clock::now();
  const auto before = spent();
  (void)os::poll_all({}, kHold);
  const auto after = spent();
  const double seconds = milliseconds_since(start) / 1000;
  const auto percent = [&](std::size_t of) { return 100 * (after[of] - before[of]) / seconds; };
  const Goal processor{percent(0) + percent(1), 0.5, "%", 3};
  const double gateway_pss = pss_kilobytes(held.gateway) / kHeld,
               keeper = pss_kilobytes(held.keepers) / kHeld, server = pss_kilobytes(held.servers) / kHeld,
               bare = pss_kilobytes(held.bare) / kHeld;
  const Goal memory{gateway_pss + keeper, 150, "kB", 0};
  say("held, " + std::to_string(kHeld) + " idle trees for " + figure(seconds, 0) +
      " s: gateway and keepers together " + processor.text() + " of one processor (the keepers " +
      figure(percent(1), 3) + " %); their servers " + figure(percent(2), 3) + " %, as many bare ones " +
      figure(percent(3), 3) + " %");
  say("      memory a tree beside the server's own: PSS " + memory.text() + ", of which keeper " +
      figure(keeper, 0) + " kB; a server " + figure(server, 0) + " kB, a bare one " + figure(bare, 0) +
      " kB");
  return {{"trees", kHeld},
          {"seconds", seconds},
          {"processor", processor.json()},
          {"keepers_percent", percent(1)},
          {"servers_percent", percent(2)},
          {"bare_servers_percent", percent(3)},
          {"memory_per_tree", memory.json()},
          {"keeper_pss_kb", keeper},
          {"gateway_share_pss_kb", gateway_pss},
          {"server_pss_kb", server},
          {"bare_server_pss_kb", bare}};
}

}  // namespace holdfast::bench
