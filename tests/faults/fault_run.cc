// One run in a world of its own: RUNG SCENE list, or RUNG SCENE FAULT [POINT] (point.h).
//   list   prints "POINT CALL KEEPER ERRNO,…", one point a line: what a run without a fault passes
//   else   exit 0: as it has to be; 1: not so, and why on stdout; 3: the point was not reached; 77: not
//   possible here, and
//          why on stderr. With -v as a last argument, also what the gateways said.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "base/ids.h"
#include "calls.h"
#include "os/cgroup.h"
#include "os/own_world.h"
#include "os/process.h"
#include "outer.h"
#include "scene.h"

namespace holdfast::faults {
namespace {

namespace fs = std::filesystem;
constexpr unsigned kSeconds = 90;  // no run may take so long
constexpr int kGood = 0, kWrong = 1, kUsage = 2, kNotReached = 3, kCannot = 77;

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
              << '\n';
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

// A cgroup for the world to be born in, so that its leaves are below it; removed when the world is gone.
class Ground {
 public:
  explicit Ground(bool wanted) {
    if (!wanted) return;
    const auto own = os::own_cgroup();
    if (!own) return;
    const std::string name = "holdfast-faults-" + random_hex(4);
    if (!os::CgroupLeaf::create(*own, name)) return;
    path_ = *own + "/" + name;
  }
  ~Ground() {
    for (int i = 0; !path_.empty() && !os::remove_cgroup(path_) && i < 200; ++i)
      (void)os::poll_all({}, std::chrono::milliseconds(5));
  }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;
  bool enter() const {
    return static_cast<bool>(std::ofstream(path_ + "/cgroup.procs") << "0" << std::flush);
  }
  explicit operator bool() const { return !path_.empty(); }

 private:
  std::string path_;
};

int await_end(pid_t child) {
  const auto process = os::PidFd::open(child);
  for (;;) {
    const auto ended = os::wait_child(child);
    if (!ended || !process) return kWrong;
    if (ended->pid != 0) return ended->signal == 0 ? ended->code : kWrong;
    std::array set{os::Poll{process->get(), POLLIN, 0}};
    (void)os::poll_all(set, std::chrono::milliseconds(1000));
  }
}

int run(const Plan& plan, const std::string& scene, bool list, bool talk) {
  const fs::path home = fs::temp_directory_path() / ("faults-" + random_hex(6));
  fs::create_directory(home);
  int status = kCannot;
  {
    const Ground ground(plan.leaf);
    const auto child =
        !plan.leaf || ground ? os::fork_own_world(home) : fail(Errc::not_found, "cgroup", "no leaves");
    if (child && *child == 0) {
      int code = kCannot;
      if (!plan.leaf || ground.enter()) code = be_the_world(plan, scene, home, list, talk);
      ::_exit(code);
    }
    if (!child) std::fprintf(stderr, "%s\n", child.error().message().c_str());
    if (child) status = await_end(*child);
  }
  fs::remove(home);
  return status;
}

int usage() {
  std::fprintf(stderr, "usage: fault_run leaf|tree life|recovery list|FAULT [POINT] [-v]\n");
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
