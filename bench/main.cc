#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "bench.h"

namespace holdfast::bench {

void say(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

std::string figure(double value, int digits) {
  char text[32];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.*f", digits, value))};
}

std::string Goal::text() const {
  const auto of = [&](double x) { return figure(x, digits) + " " + unit; };
  return of(value) + " (goal: at " + (side == Side::most ? "most " : "least ") + of(goal) + ", " +
         (met() ? "met)" : "MISSED)");
}

namespace {

// A thousand trees take some six thousand descriptors; where the hard limit is below that, start() says so.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

int usage() {
  std::fputs(
      "usage: holdfast_bench [--ticks N] [--seconds N] [--without-peers] "
      "[startup|run|start|stop|death|sweep|memory|held|calls|day]...\n",
      stderr);
  return 2;
}

}  // namespace
}  // namespace holdfast::bench

// All sections without a word. Exit status 1: one of them could not be taken.
int main(int argc, char** argv) {
  using namespace holdfast::bench;
  holdfast::log::configure(holdfast::log::Level::error, holdfast::log::Format::text);
  allow_many_descriptors();
  int ticks = 200, seconds = 3;
  bool peers = true;
  const std::vector<std::pair<std::string_view, std::function<nlohmann::json()>>> sections{
      {"startup", bench_startup},
      {"run", bench_run},
      {"start", bench_start},
      {"stop", bench_stop},
      {"death", bench_death},
      {"sweep", bench_sweep},
      {"memory", bench_memory},
      {"held", bench_held},
      {"calls", [&] { return bench_calls(std::chrono::seconds(seconds), peers); }},
      {"day", [&] { return bench_day(ticks); }}};
  std::vector<std::string_view> chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--without-peers") {
      peers = false;
      continue;
    }
    if ((word == "--ticks" || word == "--seconds") && i + 1 < argc) {
      int& number = word == "--ticks" ? ticks : seconds;
      const char* text = argv[++i];
      if (std::from_chars(text, text + std::strlen(text), number).ec != std::errc() || number < 1)
        return usage();
      continue;
    }
    if (std::ranges::none_of(sections, [&](const auto& s) { return s.first == word; })) return usage();
    chosen.push_back(word);
  }
  nlohmann::json report;
  int failed = 0;
  for (const auto& [name, take] : sections) {
    if (!chosen.empty() && std::ranges::find(chosen, name) == chosen.end()) continue;
    try {
      report[std::string(name)] = take();
    } catch (const std::exception& error) {
      say(std::string(name) + ": " + error.what());
      report[std::string(name)] = {{"error", error.what()}};
      failed = 1;
    }
  }
  std::printf("%s\n", report.dump(2).c_str());
  return failed;
}
