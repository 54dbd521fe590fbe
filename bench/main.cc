#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "bench.h"

namespace holdfast::bench {

void say(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

}  // namespace holdfast::bench

// holdfast_bench [start|stop|sweep|memory|day [TICKS]]: all of them without a word.
int main(int argc, char** argv) {
  using namespace holdfast::bench;
  const std::string_view only = argc > 1 ? argv[1] : "";
  const int ticks = argc > 2 ? std::atoi(argv[2]) : 1440;
  nlohmann::json report;
  const auto wanted = [&](std::string_view name) { return only.empty() || only == name; };
  if (wanted("start")) report["start"] = bench_start();
  if (wanted("stop")) report["stop"] = bench_stop();
  if (wanted("sweep")) report["sweep"] = bench_sweep();
  if (wanted("memory")) report["memory"] = bench_memory();
  if (wanted("day")) report["day"] = bench_day(ticks);
  if (report.empty()) {
    std::fputs("holdfast_bench: one of start stop sweep memory day\n", stderr);
    return 2;
  }
  std::printf("%s\n", report.dump(2).c_str());
  return 0;
}
