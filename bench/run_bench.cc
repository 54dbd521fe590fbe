#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "bench.h"
#include "guards.h"
#include "servers.h"

namespace holdfast::bench {
namespace {

constexpr int kRounds = 500;
constexpr double kGoal = 2;  // milliseconds that `holdfast run` may add to what it becomes

// From the call to the reaped exit of `words`.
double start_to_exit(const Words& words) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const auto start = Clock::now();
  pid_t pid = 0;
  if (::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0)
    throw std::runtime_error("posix_spawn " + words[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw std::runtime_error(words[0] + " ended with status " + std::to_string(status));
  return milliseconds_since(start);
}

// From the call to the first byte of the server behind `guard`.
double start_to_byte(const Words& guard) {
  const auto start = Clock::now();
  const BareServer server(followed_by(guard, {HOLDFAST_BENCH_BLOCKER}));
  wait_for_byte(server.stdout_fd());
  return milliseconds_since(start);
}

struct Way {
  std::string name;
  Words guard;
  Samples began{}, took{};
};

nlohmann::json tell(const Way& way, const Way& bare) {
  const double times = way.took.p50() / bare.took.p50();
  say("run, " + way.name + ": first byte of a server after p50 " + figure(way.began.p50()) +
      " ms; /bin/true, to its exit, p50 " + figure(way.took.p50()) + " ms, p99 " +
      figure(way.took.quantile(0.99)) + " ms, " + figure(times) + " times bare");
  auto report = way.took.json();
  report["times_bare"] = times;
  report["to_first_byte"] = way.began.json();
  return report;
}

}  // namespace

nlohmann::json bench_run() {
  std::vector<Way> ways{{"bare", {}},
                        {"run_tree", keeper_run({"--isolation=tree"})},
                        {"run_auto", keeper_run({})},
                        {"holdfast_run", {HOLDFAST_PROGRAM, "run", "--isolation=tree", "--"}}};
  const std::vector<Way> peers{
      {"tini", {"tini", "-s", "--"}}, {"dumb-init", {"dumb-init", "--"}}, {"bwrap", bwrap()}};
  for (const auto& peer : peers)
    if (auto here = usable(peer.guard)) ways.push_back({peer.name, std::move(*here)});
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits all alike
    for (auto& way : ways) way.began.add(start_to_byte(way.guard));
    for (auto& way : ways) way.took.add(start_to_exit(followed_by(way.guard, {"/bin/true"})));
  }
  nlohmann::json report;
  for (const auto& way : ways) report[way.name] = tell(way, ways[0]);
  const Goal more{ways[3].took.p50() - ways[1].took.p50(), kGoal, "ms"};
  say("    `holdfast run` beyond `holdfast-keeper run`: p50 " + more.text());
  report["holdfast_run_extra_p50"] = more.json();
  return report;
}

}  // namespace holdfast::bench
