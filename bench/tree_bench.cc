#include "bench.h"
#include "house.h"
#include "servers.h"

namespace holdfast::bench {
namespace {

constexpr int kPoliteRounds = 200;
constexpr double kPoliteGoal = 2;  // milliseconds that custody may add to the end of a server

using Trees = std::vector<std::shared_ptr<custody::Tree>>;

Trees start_many(test::House& house, int count, const std::string& how = {}, Samples* each = nullptr) {
  Trees trees;
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    auto tree = house.run(house.custodian->start(blocker(how)));
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

// From the call to the proof that nobody is left, of a server that ends with its input.
double stop_in_custody(test::House& house) {
  const auto tree = start_many(house, 1).front();
  wait_for_byte(tree->stdout_fd());
  const auto start = Clock::now();
  (void)house.run(house.custodian->stop(tree, "bench"));
  return milliseconds_since(start);
}

double stop_bare() {
  BareServer server;
  wait_for_byte(server.stdout_fd());
  const auto start = Clock::now();
  server.end();
  return milliseconds_since(start);
}

nlohmann::json polite_stop(test::House& house) {
  Samples ours, bare;
  for (int i = 0; i < kPoliteRounds; ++i) {  // in turn, so that a drifting machine hits both alike
    bare.add(stop_bare());
    ours.add(stop_in_custody(house));
  }
  const Goal extra{ours.p50() - bare.p50(), kPoliteGoal, "ms"};
  say("stop of a polite server: custody p50 " + figure(ours.p50()) + " ms, close and waitpid p50 " +
      figure(bare.p50()) + " ms, extra " + extra.text());
  return {{"custody", ours.json()}, {"bare", bare.json()}, {"extra_p50", extra.json()}};
}

nlohmann::json deaf_stop(test::House& house) {
  Samples one, fifty;
  for (int i = 0; i < 5; ++i) {
    one.add(stop_all(house, start_many(house, 1, "deaf")));
    fifty.add(stop_all(house, start_many(house, 50, "deaf")));
  }
  say("stop, ladder of 100 ms + 100 ms: 50 deaf servers p50 " + figure(fifty.p50()) + " ms, one p50 " +
      figure(one.p50()) + " ms (50 ladders in a row would be 50 times that)");
  return {{"one", one.json()}, {"fifty", fifty.json()}, {"ratio_p50", fifty.p50() / one.p50()}};
}

}  // namespace

nlohmann::json bench_stop() {
  test::House house{config::Config{}};
  return {{"polite", polite_stop(house)}, {"deaf", deaf_stop(house)}};
}

nlohmann::json bench_sweep() {
  test::House house{config::Config{}};
  Samples alone, among, empty, start_alone, start_among;
  for (int i = 0; i < 5; ++i) alone.add(stop_all(house, start_many(house, 10, {}, &start_alone)));
  const Trees held = start_many(house, 990);
  for (int i = 0; i < 5; ++i) among.add(stop_all(house, start_many(house, 10, {}, &start_among)));
  for (int i = 0; i < 100; ++i) empty.add(stop_all(house, {}));
  say("sweep: 10 orphans among 1,000 trees p50 " + figure(among.p50()) + " ms, 10 alone p50 " +
      figure(alone.p50()) + " ms; nothing to do among 990: " + figure(empty.p50()) + " ms");
  const auto start = Clock::now();
  house.shutdown();
  const double all = milliseconds_since(start);
  say("       one start among 990 trees p50 " + figure(start_among.p50()) + " ms, among none p50 " +
      figure(start_alone.p50()) + " ms; shutdown of all 990: " + figure(all, 0) + " ms");
  return {{"ten_among_thousand", among.json()},     {"ten_alone", alone.json()},
          {"nothing_to_do", empty.json()},          {"start_among_990", start_among.json()},
          {"start_among_none", start_alone.json()}, {"shutdown_of_990_ms", all}};
}

}  // namespace holdfast::bench
