#include <sys/mman.h>

#include "bench.h"
#include "house.h"
#include "servers.h"

namespace holdfast::bench {
namespace {

constexpr int kRounds = 200;
constexpr double kGoal = 1.5;  // milliseconds that custody may add to a start
constexpr std::size_t kLarge = 2UL << 30;

// From the call to the server's first byte: what a client waits for.
double start_in_custody(test::House& house) {
  const auto start = Clock::now();
  auto tree = house.run(house.custodian->start(blocker()));
  if (!tree) throw std::runtime_error(tree.error().message());
  wait_for_byte((*tree)->stdout_fd());
  const double took = milliseconds_since(start);
  (void)house.run(house.custodian->stop(*tree, "bench"));
  return took;
}

double start_bare() {
  const auto start = Clock::now();
  const BareServer server;
  wait_for_byte(server.stdout_fd());
  return milliseconds_since(start);
}

nlohmann::json pairs(test::House& house, const std::string& title) {
  Samples ours, bare;
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits both alike
    bare.add(start_bare());
    ours.add(start_in_custody(house));
  }
  const Goal extra{ours.p50() - bare.p50(), kGoal, "ms"};
  say("start " + title + ": custody p50 " + figure(ours.p50()) + " ms, posix_spawn p50 " +
      figure(bare.p50()) + " ms, extra " + extra.text());
  return {{"custody", ours.json()}, {"posix_spawn", bare.json()}, {"extra_p50", extra.json()}};
}

}  // namespace

nlohmann::json bench_start() {
  nlohmann::json report;
  test::House house{config::Config{}};
  report["rung"] = to_string(house.custodian->rung().rung);
  report["small"] = pairs(house, "small");
  void* memory = ::mmap(nullptr, kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap of 2 GB");
  for (std::size_t at = 0; at < kLarge; at += 4096) static_cast<char*>(memory)[at] = 1;
  report["holding_2GB"] = pairs(house, "holding 2 GB");
  ::munmap(memory, kLarge);
  return report;
}

}  // namespace holdfast::bench
