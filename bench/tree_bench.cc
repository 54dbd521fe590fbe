#include "bench.h"
#include "house.h"

namespace holdfast::bench {
namespace {

using Trees = std::vector<std::shared_ptr<custody::Tree>>;

Trees start_many(test::House& house, int count, bool deaf, Samples* each = nullptr) {
  Trees trees;
  for (int i = 0; i < count; ++i) {
    custody::TreeSpec spec;
    spec.name = "blocker";
    spec.command.program = HOLDFAST_BENCH_BLOCKER;
    if (deaf) spec.command.arguments = {"deaf"};
    spec.command.environment = {"PATH=/usr/bin:/bin"};
    spec.graces = {.eof = milliseconds(100), .term = milliseconds(100), .lost = milliseconds(100)};
    const auto begin = Clock::now();
    auto tree = house.run(house.custodian->start(std::move(spec)));
    if (each != nullptr) each->add(milliseconds_since(begin));
    if (!tree) throw std::runtime_error(tree.error().message());
    trees.push_back(std::move(*tree));
  }
  return trees;
}

double stop_all(test::House& house, const Trees& trees) {
  const auto start = Clock::now();
  for (const auto& tree : trees) tree->orphan("bench");
  (void)house.run(house.custodian->sweep());
  return milliseconds_since(start);
}

}  // namespace

nlohmann::json bench_stop() {
  test::House house{config::Config{}};
  Samples one, fifty;
  for (int i = 0; i < 5; ++i) {
    one.add(stop_all(house, start_many(house, 1, true)));
    fifty.add(stop_all(house, start_many(house, 50, true)));
  }
  say("stop, ladder of 100 ms + 100 ms: 50 deaf servers p50 " + figure(fifty.quantile(0.5)) +
      " ms, one p50 " + figure(one.quantile(0.5)) + " ms (50 ladders in a row would be 50 times that)");
  return {
      {"one", one.json()}, {"fifty", fifty.json()}, {"ratio_p50", fifty.quantile(0.5) / one.quantile(0.5)}};
}

nlohmann::json bench_sweep() {
  test::House house{config::Config{}};
  Samples alone, among, empty, start_alone, start_among;
  for (int i = 0; i < 5; ++i) alone.add(stop_all(house, start_many(house, 10, false, &start_alone)));
  const Trees held = start_many(house, 990, false);
  for (int i = 0; i < 5; ++i) among.add(stop_all(house, start_many(house, 10, false, &start_among)));
  for (int i = 0; i < 100; ++i) empty.add(stop_all(house, {}));
  say("sweep: 10 orphans among 1,000 trees p50 " + figure(among.quantile(0.5)) + " ms, 10 alone p50 " +
      figure(alone.quantile(0.5)) + " ms; nothing to do among 990: " + figure(empty.quantile(0.5)) + " ms");
  const auto start = Clock::now();
  house.shutdown();
  const double all = milliseconds_since(start);
  say("       one start among 990 trees p50 " + figure(start_among.quantile(0.5)) + " ms, among none p50 " +
      figure(start_alone.quantile(0.5)) + " ms; shutdown of all 990: " + figure(all, 0) + " ms");
  return {{"ten_among_thousand", among.json()},     {"ten_alone", alone.json()},
          {"nothing_to_do", empty.json()},          {"start_among_990", start_among.json()},
          {"start_among_none", start_alone.json()}, {"shutdown_of_990_ms", all}};
}

}  // namespace holdfast::bench
