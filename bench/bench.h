// Benchmarks: every figure beside its reference, taken in the same run; JSON on stdout, a table for people on
// stderr.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

using Clock = std::chrono::steady_clock;

inline double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Samples {
  std::vector<double> values;
  void add(double value) { values.push_back(value); }
  [[nodiscard]] double quantile(double q) const {
    if (values.empty()) return 0;
    auto sorted = values;
    std::ranges::sort(sorted);
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
  }
  [[nodiscard]] double p50() const { return quantile(0.5); }
  [[nodiscard]] nlohmann::json json() const {
    return {{"n", values.size()},
            {"min_ms", quantile(0)},
            {"p50_ms", p50()},
            {"p99_ms", quantile(0.99)},
            {"max_ms", quantile(1)}};
  }
};

// A figure that is to be at most (or at least) so much: for people "0.74 ms (goal: at most 1.50 ms, met)",
// and for programs.
struct Goal {
  enum class Side { most, least };
  double value, goal;
  std::string unit;
  int digits = 2;
  Side side = Side::most;
  [[nodiscard]] bool met() const { return side == Side::most ? value <= goal : value >= goal; }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] nlohmann::json json() const {
    return {{"value", value}, {"goal", goal}, {"unit", unit}, {"met", met()}};
  }
};

// One line for people: what, ours, reference, and the goal if there is one.
void say(const std::string& text);
std::string figure(double value, int digits = 2);

nlohmann::json bench_startup();  // `version`, and `serve` until its socket answers, against /bin/true
nlohmann::json bench_run();     // `holdfast run -- /bin/true`, from spawn to exit, against bare and its peers
nlohmann::json bench_start();   // a server in custody against bare posix_spawn, small and with 2 GB held
nlohmann::json bench_stop();    // a polite server against a bare one; 50 deaf ones against one
nlohmann::json bench_death();   // guard or gateway killed, until its last process is gone, against its peers
nlohmann::json bench_sweep();   // 1,000 trees of which 10 are orphans, against 10 alone
nlohmann::json bench_memory();  // the gateway idle and per idle instance, keepers
nlohmann::json bench_held();    // 1,000 idle trees: processor and memory, against the servers alone
// A call through the front, beside a bare HTTP echo and other gateways.
nlohmann::json bench_calls(std::chrono::milliseconds duration, bool with_peers);
nlohmann::json bench_day(int ticks);  // 7 jobs x ticks: descriptors, memory and processes flat

}  // namespace holdfast::bench
