#include <poll.h>
#include <signal.h>

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <tuple>

#include "base/ids.h"
#include "bench.h"
#include "census.h"
#include "custody/places.h"
#include "guards.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/procfs.h"
#include "outer.h"
#include "program.h"

namespace holdfast::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMembers = 50;
constexpr int kRounds = 20;
constexpr double kGuardGoal = 10;        // milliseconds until the last member is gone
constexpr milliseconds kSurvival{2000};  // who lives on so long after its guard was killed lives on
constexpr milliseconds kComeUp{30'000}, kGone{10'000};
constexpr double kLost = 200;  // milliseconds: small_gateway's grace after SIGTERM

// Who lives below this process.
struct Below {
  std::vector<os::PidFd> servers, keepers;
};

// Once `servers` of bench_blocker sleep: before that one may not yet be as deaf as it is to be.
Below below_once(std::size_t servers) {
  Below below;
  const bool complete = test::until(
      [&] {
        below = {};
        for (const auto& living : test::living_descendants()) {
          auto process = os::PidFd::open(living.pid);
          const auto stat = os::read_stat(living.pid);
          if (!process || !stat) continue;
          if (living.keeper)
            below.keepers.push_back(std::move(*process));
          else if (stat->comm.view() == "bench_blocker" && stat->state == 'S')
            below.servers.push_back(std::move(*process));
        }
        return below.servers.size() == servers;
      },
      kComeUp);
  if (!complete)
    throw std::runtime_error(std::to_string(below.servers.size()) + " of " + std::to_string(servers) +
                             " servers came up");
  return below;
}

void wait_until_gone(std::span<const os::PidFd> processes) {
  const auto deadline = Clock::now() + kGone;
  for (const auto& process : processes) {  // one wake each at most, whatever order they end in
    while (!process.exited()) {
      if (Clock::now() > deadline) throw std::runtime_error("somebody is still there");
      std::array set{os::Poll{process.get(), POLLIN, 0}};
      (void)os::poll_all(set, milliseconds(100));
    }
  }
}

void nobody_stays() {
  if (!test::nobody_left_within(kGone))
    throw std::runtime_error("left behind:\n" + test::to_string(test::living_descendants()));
}

struct CleanUp {
  ~CleanUp() { test::clean_up(); }
};

Words command_of_many() { return {HOLDFAST_BENCH_BLOCKER, "deaf", std::to_string(kMembers)}; }

// A guard, by its words, over kMembers deaf processes.
struct Guarded {
  explicit Guarded(const Words& guard)
      : program(guard.front(), followed_by({guard.begin() + 1, guard.end()}, command_of_many()), "/dev/null"),
        below(below_once(kMembers)) {}
  test::Program program;
  Below below;
};

// From a guard's SIGKILL, or from its keeper's, until the last of its members has exited.
double kill_to_gone(const Words& guard, bool keeper) {
  double took = 0;
  {
    Guarded guarded(guard);
    const auto start = Clock::now();
    if (keeper)
      (void)guarded.below.keepers.at(0).signal(SIGKILL);
    else
      guarded.program.signal(SIGKILL);
    wait_until_gone(guarded.below.servers);
    took = milliseconds_since(start);
    (void)guarded.program.wait(kGone);  // a face whose keeper was killed has its leaf to remove
  }
  nobody_stays();
  return took;
}

// Says and gives the figure; `most` milliseconds are the goal, 0 of a peer.
nlohmann::json tell(const std::string& who, const Samples& took, double most) {
  const Goal goal{took.p50(), most, "ms"};
  say("death, " + who + " killed: the last process is gone after p50 " +
      (most > 0 ? goal.text() : figure(took.p50()) + " ms"));
  auto report = took.json();
  if (most > 0) report["goal"] = goal.json();
  return report;
}

struct Blow {
  std::string name;
  Words guard;
  bool keeper = false;
  double goal = kGuardGoal;
  Samples took{};
};

nlohmann::json guards_killed(bool leaf, const std::optional<Words>& peer) {
  std::vector<Blow> blows;
  for (const std::string rung : {"tree", "leaf"}) {
    if (rung == "leaf" && !leaf) continue;
    const auto guard = keeper_run({"--isolation=" + rung, "--stop=eof=0ms,term=0ms"});
    blows.push_back({.name = "face_on_" + rung, .guard = guard});
    blows.push_back({.name = "keeper_on_" + rung, .guard = guard, .keeper = true});
  }
  if (peer) blows.push_back({.name = "bwrap", .guard = *peer, .goal = 0});
  for (int i = 0; i < kRounds; ++i) {  // in turn, so that a drifting machine hits all alike
    for (auto& blow : blows) blow.took.add(kill_to_gone(blow.guard, blow.keeper));
  }
  nlohmann::json report;
  for (const auto& blow : blows)
    report[blow.name] =
        tell(blow.name + " over " + std::to_string(kMembers) + " deaf members", blow.took, blow.goal);
  return report;
}

// How many members live on after their guard was killed. They are ended then.
std::int64_t survivors(const Words& guard) {
  std::int64_t alive = 0;
  {
    Guarded guarded(guard);
    const auto& members = guarded.below.servers;
    const auto count = [&] {
      return std::ranges::count_if(members, [](const auto& m) { return !m.exited(); });
    };
    guarded.program.signal(SIGKILL);
    (void)test::until([&] { return count() == 0; }, kSurvival);
    alive = count();
    for (const auto& member : members) (void)member.signal(SIGKILL);
  }
  nobody_stays();
  return alive;
}

nlohmann::json peers_killed() {
  nlohmann::json report = nlohmann::json::object();
  for (const Words& words : {Words{"tini", "-s", "-g", "--"}, Words{"dumb-init", "--"}}) {
    const auto guard = usable(words);
    if (!guard) continue;
    const auto alive = survivors(*guard);
    say("death, " + words.front() + " killed: " + std::to_string(alive) + " of " + std::to_string(kMembers) +
        " members live on");
    report[words.front()] = alive;
  }
  return report;
}

// A gateway with custody and nothing else, and its state.
class SmallGateway {
 public:
  SmallGateway(const std::string& rung, std::size_t trees, const std::string& how)
      : state_(std::filesystem::temp_directory_path() / ("holdfast-bench-" + random_hex(6))) {
    std::filesystem::create_directories(state_);
    program_.emplace(
        test::program_path("small_gateway"),
        Words{state_, HOLDFAST_KEEPER_PROGRAM, rung, std::to_string(trees), HOLDFAST_BENCH_BLOCKER, how},
        "/dev/null");
    if (!test::until([&] { return exists(state_ / "ready"); }, kComeUp) || exists(state_ / "failed"))
      throw std::runtime_error("the trees did not start");
  }
  ~SmallGateway() {
    program_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(state_, ignored);
  }
  SmallGateway(const SmallGateway&) = delete;
  SmallGateway& operator=(const SmallGateway&) = delete;
  void signal(int number) { program_->signal(number); }

 private:
  std::filesystem::path state_;
  std::optional<test::Program> program_;
};

// From the SIGKILL of `gateway` until the last of its `trees` and the last keeper have exited.
template <class Gateway>
double gateway_kill_to_gone(Gateway& gateway, std::size_t trees) {
  const Below below = below_once(trees);
  const auto start = Clock::now();
  gateway.signal(SIGKILL);
  wait_until_gone(below.servers);
  wait_until_gone(below.keepers);
  return milliseconds_since(start);
}

struct Scene {
  const char* name;
  std::size_t trees;
  int rounds;
  double goal;
  bool obeys = true;
  [[nodiscard]] const char* how() const { return obeys ? "stays" : "deaf"; }
};
constexpr std::array kScenes{Scene{"50_obeying_TERM", 50, 20, 20}, Scene{"500_obeying_TERM", 500, 5, 60},
                             Scene{"50_deaf", 50, 10, kLost + 50, false}};

double small_gateway(const Scene& scene, const std::string& rung) {
  SmallGateway gateway(rung, scene.trees, scene.how());
  return gateway_kill_to_gone(gateway, scene.trees);
}

// A shell over so many servers of the scene, each behind `guard`.
test::Program shell_over(std::size_t servers, const Scene& scene, const Words& guard) {
  const Words loop{"-c", "for i in $(seq " + std::to_string(servers) + "); do \"$@\" & done; wait", "sh"};
  const auto server = followed_by(guard, {HOLDFAST_BENCH_BLOCKER, scene.how()});
  return test::Program("/bin/sh", followed_by(loop, server), "/dev/null");
}

// The peer that leaves nobody.
double guarded_by(const Words& guard, const Scene& scene) {
  auto shell = shell_over(scene.trees, scene, guard);
  return gateway_kill_to_gone(shell, scene.trees);
}

// The floor: as many processes as the trees and their keepers are, with no custody at all and a SIGTERM each.
double bare(const Scene& scene) {
  const std::size_t processes = 2 * scene.trees;
  const auto shell = shell_over(processes, scene, {});
  const Below below = below_once(processes);
  const auto start = Clock::now();
  for (const auto& process : below.servers) (void)process.signal(SIGTERM);
  wait_until_gone(below.servers);
  return milliseconds_since(start);
}

nlohmann::json gateways_killed(bool leaf, const std::optional<Words>& peer) {
  nlohmann::json report;
  for (const auto& scene : kScenes) {
    Samples on_tree, on_leaf, by_bwrap, of_bare;
    const auto add = [](Samples& samples, double took) {
      nobody_stays();
      samples.add(took);
    };
    for (int i = 0; i < scene.rounds; ++i) {  // in turn, so that a drifting machine hits all alike
      add(on_tree, small_gateway(scene, "tree"));
      if (leaf) add(on_leaf, small_gateway(scene, "leaf"));
      if (peer) add(by_bwrap, guarded_by(*peer, scene));
      if (scene.obeys) add(of_bare, bare(scene));
    }
    for (const auto& [by, took, goal] :
         {std::tuple("tree", &on_tree, scene.goal), std::tuple("leaf", &on_leaf, scene.goal),
          std::tuple("bwrap", &by_bwrap, 0.0), std::tuple("bare", &of_bare, 0.0)})
      if (!took->values.empty())
        report[scene.name][by] = tell(std::string("gateway (") + by + ") of " + scene.name, *took, goal);
  }
  if (const auto own = os::own_cgroup(); own && leaf) custody::remove_abandoned(*own, {});
  return report;
}

}  // namespace

nlohmann::json bench_death() {
  test::own_all_descendants();
  const CleanUp clean_up;
  const bool leaf = usable(keeper_run({"--isolation=leaf"})).has_value();
  const auto peer = usable(bwrap());
  return {{"guard", guards_killed(leaf, peer)},
          {"survivors", peers_killed()},
          {"gateway", gateways_killed(leaf, peer)}};
}

}  // namespace holdfast::bench
