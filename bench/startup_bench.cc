#include <unistd.h>

#include <filesystem>
#include <thread>

#include "bench.h"
#include "census.h"
#include "program.h"

namespace holdfast::bench {
namespace {

constexpr int kRounds = 50;
constexpr int kServes = 15;

double run_once(const std::string& path, std::vector<std::string> arguments) {
  const auto start = Clock::now();
  test::Program program(path, std::move(arguments), "/dev/null");
  while (program.read_line(std::chrono::milliseconds(5000))) {
  }
  if (!program.wait(std::chrono::milliseconds(5000))) throw std::runtime_error(path + " does not end");
  return milliseconds_since(start);
}

}  // namespace

nlohmann::json bench_startup() {
  test::own_all_descendants();
  Samples version, bare, serve;
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits both alike
    bare.add(run_once("/bin/true", {}));
    version.add(run_once(HOLDFAST_PROGRAM, {"version"}));
  }
  for (int i = 0; i < kServes; ++i) {
    const auto start = Clock::now();
    // The socket appears only when the gateway answers; it is looked for every 2 ms.
    const test::GatewayProcess gateway("listen: [\"127.0.0.1:0\"]\n");
    serve.add(milliseconds_since(start));
  }
  say("startup: holdfast version p50 " + figure(version.quantile(0.5)) + " ms, /bin/true p50 " +
      figure(bare.quantile(0.5)) + " ms; serve until its socket answers p50 " + figure(serve.quantile(0.5)) +
      " ms");
  return {{"version", version.json()}, {"bin_true", bare.json()}, {"serve", serve.json()}};
}

}  // namespace holdfast::bench
