#include <filesystem>

#include "bench.h"
#include "house.h"
#include "os/procfs.h"

namespace holdfast::bench {
namespace {

struct Reading {
  std::int64_t descriptors = 0, pss = 0, processes = 0;  // zombies too: a process is gone when it is reaped
};

std::int64_t children_with_zombies() {
  std::int64_t count = 0;
  (void)os::for_each_child(::getpid(), [&](pid_t) { ++count; });
  return count;
}

Reading read_self() {
  Reading reading;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++reading.descriptors;
  reading.pss = os::pss_bytes(::getpid()).value_or(0);
  reading.processes = children_with_zombies();
  return reading;
}

nlohmann::json to_json(const Reading& reading) {
  return {{"descriptors", reading.descriptors}, {"pss_bytes", reading.pss}, {"processes", reading.processes}};
}

}  // namespace

// A day of the story in one go: seven jobs a tick, each with a server of its own, one of them cancelled in
// mid-call.
nlohmann::json bench_day(int ticks) {
  config::Config config;
  config.servers.emplace("s", test::fixture_server("s"));
  for (int i = 0; i < 7; ++i) {
    auto job = i == 0 ? test::steps_job("job0", "s__sleep", R"({"ms":60000})")
                      : test::steps_job("job" + std::to_string(i), "s__echo", R"({"text":"tick"})");
    config.jobs.emplace(job.name, job);
  }
  test::House house(config);
  const auto tick = [&] {
    std::vector<std::string> runs;
    for (int i = 0; i < 7; ++i) {
      auto run = house.run(house.scheduler->run_now("job" + std::to_string(i)));
      if (!run) throw std::runtime_error(run.error().message());
      runs.push_back(*run);
    }
    (void)house.turn_until([&] {
      for (const auto& view : house.gateway->instances())
        if (view.calls_in_flight > 0 && view.leases.size() == 1) return true;
      return false;
    });
    const auto ended = [&](std::size_t i, std::string_view as) {
      const auto run = house.run(house.scheduler->wait(runs[i], Clock::now() + std::chrono::seconds(20)));
      if (!run || run->state != as)
        throw std::runtime_error("run " + std::to_string(i) + ": " +
                                 (run ? run->state + " " + run->reason : run.error().message()));
    };
    for (std::size_t i = 1; i < runs.size(); ++i) ended(i, "ok");
    (void)house.scheduler->cancel("job0", "");
    ended(0, "cancelled");
    (void)house.run(house.custodian->sweep());
  };
  for (int i = 0; i < 20; ++i) tick();  // warm
  const Reading first = read_self();
  const auto start = Clock::now();
  Reading last = first;
  for (int i = 0; i < ticks; ++i) {
    tick();
    if ((i + 1) % std::max(1, ticks / 10) == 0) {
      last = read_self();
      say("day: tick " + std::to_string(i + 1) + "/" + std::to_string(ticks) + " descriptors " +
          std::to_string(last.descriptors) + " PSS " + std::to_string(last.pss / 1024) + " kB processes " +
          std::to_string(last.processes));
    }
  }
  return {{"ticks", ticks},
          {"runs", ticks * 7},
          {"seconds", milliseconds_since(start) / 1000},
          {"first", to_json(first)},
          {"last", to_json(last)}};
}

}  // namespace holdfast::bench
