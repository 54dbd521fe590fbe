#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "bench.h"
#include "guards.h"

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

struct Way {
  std::string name;
  Words guard;
  Samples took{};
};

}  // namespace

nlohmann::json bench_run() {
  std::vector<Way> ways{{"bare", {}},
                        {"run_tree", keeper_run({"--isolation=tree"})},
                        {"run_auto", keeper_run({})},
                        {"holdfast_run", {HOLDFAST_PROGRAM, "run", "--isolation=tree", "--"}}};
  const std::vector<Way> peers{
      {"tini", {"tini", "-s", "--"}}, {"dumb-init", {"dumb-init", "--"}}, {"bwrap", bwrap()}};
  for (const auto& [name, guard, took] : peers)
    if (auto here = usable(guard)) ways.push_back({name, std::move(*here)});
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits all alike
    for (auto& way : ways) way.took.add(start_to_exit(followed_by(way.guard, {"/bin/true"})));
  }
  nlohmann::json report;
  const double bare = ways[0].took.p50();
  for (const auto& [name, guard, took] : ways) {
    say("run /bin/true, " + name + ": p50 " + figure(took.p50()) + " ms, p99 " + figure(took.quantile(0.99)) +
        " ms, " + figure(took.p50() / bare) + " times bare");
    report[name] = took.json();
    report[name]["times_bare"] = took.p50() / bare;
  }
  const Goal more{ways[3].took.p50() - ways[1].took.p50(), kGoal, "ms"};
  say("    `holdfast run` beyond `holdfast-keeper run`: p50 " + more.text());
  report["holdfast_run_extra_p50"] = more.json();
  return report;
}

}  // namespace holdfast::bench
