#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "bench.h"

namespace holdfast::bench {
namespace {

constexpr int kRounds = 500;

// From the call to the reaped exit of `words`.
double start_to_exit(const std::vector<std::string>& words) {
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
  std::vector<std::string> words;
  Samples took{};
};

}  // namespace

nlohmann::json bench_run() {
  const std::string program = HOLDFAST_PROGRAM;
  const std::string keeper = std::filesystem::path(program).parent_path() / "holdfast-keeper";
  std::vector<Way> ways{{"bare", {"/bin/true"}},
                        {"run_tree", {keeper, "run", "--isolation=tree", "--", "/bin/true"}},
                        {"run_auto", {keeper, "run", "--", "/bin/true"}},
                        {"holdfast_run", {program, "run", "--isolation=tree", "--", "/bin/true"}}};
  for (const char* tini : {"/usr/bin/tini", "/usr/local/bin/tini"}) {
    if (::access(tini, X_OK) != 0) continue;
    ways.push_back({"tini", {tini, "-s", "--", "/bin/true"}});
    break;
  }
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits all alike
    for (auto& way : ways) way.took.add(start_to_exit(way.words));
  }
  nlohmann::json report;
  const double bare = ways[0].took.quantile(0.5);
  for (const auto& way : ways) {
    const double p50 = way.took.quantile(0.5);
    say("run /bin/true, " + way.name + ": p50 " + figure(p50) + " ms, p99 " +
        figure(way.took.quantile(0.99)) + " ms, " + figure(p50 / bare) + " times bare");
    report[way.name] = way.took.json();
    report[way.name]["times_bare"] = p50 / bare;
  }
  if (ways.back().name != "tini") say("    tini is not installed: no reference but the bare program");
  return report;
}

}  // namespace holdfast::bench
