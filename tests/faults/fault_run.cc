// One run in a world of its own: RUNG SCENE list, or RUNG SCENE FAULT [POINT] (point.h).
//   list   prints "POINT CALL KEEPER ERRNO,… LOOKS_UP", one point a line: what a run without a fault passes
//   else   exit 0: as it has to be; 1: not so, and why on stdout; 3: the point was not reached; 77: not
//   possible here, and
//          why on stderr. With -v as a last argument, also what the gateways said.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "calls.h"
#include "outer.h"
#include "scene.h"
#include "world.h"

namespace holdfast::faults {
namespace {

namespace fs = std::filesystem;
constexpr unsigned kSeconds = 90;  // no run may take so long
constexpr int kGood = 0, kWrong = 1, kUsage = 2, kNotReached = 3;

void print_points(const Stage& stage) {
  std::map<std::string, std::vector<const Passed*>> by_role;  // in a step
  for (const auto& passed : stage.passed()) by_role[passed.point.step + passed.point.role].push_back(&passed);
  for (const auto& passed : stage.passed()) {
    // A hundred dispositions of signals are set one after the other: of such a row, the first and the last.
    const auto& row = by_role[passed.point.step + passed.point.role];
    const auto at = static_cast<std::size_t>(passed.point.number);  // the next one's index
    const auto same = [&](std::size_t i) { return row[i]->call == SYS_rt_sigaction; };
    if (at > 1 && at < row.size() && same(at - 2) && same(at - 1) && same(at)) continue;
    std::string errors;
    for (const int error : passed.errors) errors += (errors.empty() ? "" : ",") + std::to_string(error);
    std::cout << to_string(passed.point) << ' ' << name_of(passed.call) << ' '
              << (passed.keeper.empty() ? "-" : passed.keeper) << ' ' << (errors.empty() ? "-" : errors)
              << (passed.looks_up ? " yes" : " no") << '\n';
  }
}

// The init of the world.
int be_the_world(Plan plan, const std::string& scene, const std::string& home, bool list, bool talk) {
  plan.state = home + "/state";
  plan.log = home + "/log";
  fs::create_directory(plan.state);
  // Neither a script nor a program of any kind: its exec fails, after its keeper was born.
  std::ofstream(home + "/broken") << "broken";
  fs::permissions(home + "/broken", fs::perms::owner_all);
  (void)::alarm(kSeconds);
  Stage stage(plan);
  const auto verdict = play(scene, stage, plan);
  if (list) print_points(stage);
  for (const auto& text : verdict.wrong) std::cout << "wrong: " << text << '\n';
  if (talk || !verdict.wrong.empty()) std::cout << std::ifstream(plan.log).rdbuf();
  if (!list) std::cout << "took " << verdict.took.count() << " ms\n";
  std::cout.flush();  // an _exit follows
  if (!verdict.wrong.empty()) return kWrong;
  return plan.target && !stage.reached() ? kNotReached : kGood;
}

int run(const Plan& plan, const std::string& scene, bool list, bool talk) {
  return in_a_world(plan.leaf,
                    [&](const std::string& home) { return be_the_world(plan, scene, home, list, talk); });
}

int usage() {
  std::fprintf(stderr, "usage: fault_run leaf|tree|pidns life|recovery list|FAULT [POINT] [-v]\n");
  return kUsage;
}

int main_of(std::vector<std::string> words) {
  const bool talk = !words.empty() && words.back() == "-v";
  if (talk) words.pop_back();
  if (words.size() < 3 || words.size() > 4 || !known_scene(words[1])) return usage();
  Plan plan;
  plan.gateway = test::program_path("scripted_gateway");
  plan.keeper = test::program_path("holdfast-keeper");
  plan.servers = test::program_path("adversaries");
  plan.leaf = words[0] == "leaf";
  plan.pidns = words[0] == "pidns";
  const bool list = words[2] == "list";
  if (const auto fault = parse_fault(list ? "none" : words[2]))
    plan.fault = *fault;
  else
    return usage();
  if (words.size() == 4 && !(plan.target = parse_point(words[3]))) return usage();
  return run(plan, words[1], list, talk);
}

}  // namespace
}  // namespace holdfast::faults

int main(int argc, char** argv) { return holdfast::faults::main_of({argv + 1, argv + argc}); }
