#include <fstream>

#include "bench.h"
#include "census.h"
#include "net/http_client.h"
#include "os/procfs.h"
#include "program.h"

namespace holdfast::bench {
namespace {

constexpr int kInstances = 100;

// Pss_Anon of a process in bytes: what it alone costs, without the pages of its program file.
std::int64_t anonymous_bytes(pid_t pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(rollup, line);)
    if (line.starts_with("Pss_Anon:")) return std::stoll(line.substr(9)) * 1024;
  return 0;
}

void open_session(const std::filesystem::path& socket) {
  const net::HttpRequest request{
      .method = "POST",
      .target = "/mcp/s",
      .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}},
      .body =
          R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})"};
  const auto response = net::fetch(unix_address(socket.string()), request, milliseconds(10'000));
  if (!response || response->status != 200)
    throw std::runtime_error("no session: " + (response ? response->body : response.error().message()));
}

}  // namespace

nlohmann::json bench_memory() {
  test::own_all_descendants();
  test::GatewayProcess gateway(std::string("listen: [\"127.0.0.1:0\"]\nmcpServers:\n  s:\n    command: ") +
                               HOLDFAST_FIXTURE_SERVER + "\n    maxInstances: 200\n");
  const pid_t pid = gateway.program().pid();
  const auto pss = [&] { return os::pss_bytes(pid).value_or(0); };
  const std::int64_t idle = pss(), idle_anonymous = anonymous_bytes(pid);
  for (int i = 0; i < kInstances; ++i) open_session(gateway.dir() / "state/holdfast.sock");
  const std::int64_t loaded = anonymous_bytes(pid);
  std::int64_t keepers = 0, keeper_pss = 0, keeper_anonymous = 0;
  for (const auto& living : test::living_descendants()) {
    if (!living.keeper) continue;
    ++keepers;
    keeper_pss += os::pss_bytes(living.pid).value_or(0);
    keeper_anonymous += anonymous_bytes(living.pid);
  }
  if (keepers != kInstances) throw std::runtime_error(std::to_string(keepers) + " keepers");
  const std::int64_t each = (loaded - idle_anonymous) / kInstances;
  say("memory: gateway idle PSS " + std::to_string(idle / 1024) +
      " kB (goal: under 8192), per idle instance " + std::to_string(each / 1024) + " kB (goal: under 60), " +
      std::to_string(keepers) + " keepers PSS together " + std::to_string(keeper_pss / 1024) +
      " kB (goal: under 12288), Pss_Anon each " +
      std::to_string(keepers ? keeper_anonymous / keepers / 1024 : 0) + " kB (goal: under 100)");
  return {{"gateway_idle_pss_bytes", idle},  {"gateway_idle_anonymous_bytes", idle_anonymous},
          {"per_idle_instance_bytes", each}, {"keepers", keepers},
          {"keepers_pss_bytes", keeper_pss}, {"keepers_anonymous_bytes", keeper_anonymous}};
}

}  // namespace holdfast::bench
