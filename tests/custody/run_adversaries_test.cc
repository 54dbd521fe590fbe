// Every adversary under `holdfast run`, on every rung, against every way in which a run ends, beside a
// sibling that must not notice. The judge is Outer.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <set>
#include <string>
#include <tuple>

#include "adversaries/names.h"
#include "needs.h"
#include "os/process.h"
#include "os/procfs.h"
#include "run_lab.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

enum class Fault {
  command_ends,
  client_closes,
  caller_killed,
  term,
  face_killed,
  keeper_killed,
  group_killed,
  one_stroke
};

std::string name_of(Fault fault) {
  static const char* const names[] = {"command_ends", "client_closes", "caller_killed", "term",
                                      "face_killed",  "keeper_killed", "group_killed",  "one_stroke"};
  return names[static_cast<int>(fault)];
}
void PrintTo(Fault fault, std::ostream* out) { *out << name_of(fault); }

constexpr milliseconds kBound{20000};  // the ladder is over in 0.3 s; the rest is a busy machine
using Case = std::tuple<std::string, TestRung, Fault>;

class RunAgainst : public testing::TestWithParam<Case> {
 protected:
  // Members that are not the sibling's.
  std::set<pid_t> left() const {
    std::set<pid_t> found;
    for (const pid_t pid : outer.members()) {
      if (!sibling.contains(pid)) found.insert(pid);
    }
    return found;
  }
  bool nothing_left_within(milliseconds limit) const {
    const auto end = steady_clock::now() + limit;
    while (!left().empty()) {
      if (steady_clock::now() >= end) return false;
      (void)os::poll_all({}, milliseconds(2));
    }
    return true;
  }

  Outer outer;
  std::set<pid_t> sibling;
};

TEST_P(RunAgainst, nothing_is_left_and_the_sibling_is_unharmed) {
  const auto& [adversary, rung, fault] = GetParam();
  const auto absent = why_not_offered(rung, outer);
  HOLDFAST_NEEDS(name_of(rung), absent.empty(), absent);
  // Its graces are not what is tested, and the machine may be busy.
  FaceRun beside(outer, {.program = "cat", .rung = rung, .options = {"--stop=eof=10s"}});
  beside.write("hello\n");
  ASSERT_EQ(beside.read_until("hello\n"), "hello\n");
  for (const pid_t pid : outer.members()) sibling.insert(pid);

  RunSpec spec{.program = adversary_path(adversary), .rung = rung, .with_marker = true};
  if (fault == Fault::caller_killed) spec.wrapper = {program_path("run_caller"), "pipe"};
  FaceRun run(outer, spec);
  ASSERT_TRUE(run.evil_within(milliseconds(10000))) << "the adversary never got ready: " << run.errors();
  const pid_t face = fault == Fault::caller_killed ? FaceRun::first_child(run.pid()) : run.pid();
  const pid_t keeper = FaceRun::keeper_of(face);
  ASSERT_GT(keeper, 1);
  const pid_t parent = in_pidns(rung) ? FaceRun::first_child(keeper) : keeper;  // of the command

  bool face_lives = true;
  switch (fault) {
    case Fault::command_ends:
      // The wrapper may still be on its way out: the command is its heir.
      while (adversary == "handover" &&
             os::read_stat(FaceRun::first_child(parent))->session == FaceRun::first_child(parent))
        (void)os::poll_all({}, milliseconds(1));
      FaceRun::kill(FaceRun::first_child(parent), SIGKILL);
      break;
    case Fault::client_closes:
      run.close_input();
      break;
    case Fault::term:
      run.signal(SIGTERM);
      break;
    case Fault::keeper_killed:
      FaceRun::kill(keeper, SIGKILL);
      break;
    case Fault::caller_killed:
    case Fault::face_killed:
      run.signal(SIGKILL);
      face_lives = false;
      break;
    case Fault::one_stroke:
      FaceRun::kill(keeper, SIGSTOP);  // so that it does nothing between the two
      run.signal(SIGKILL);
      FaceRun::kill(keeper, SIGKILL);
      face_lives = false;
      break;
    case Fault::group_killed:
      ASSERT_EQ(::kill(-face, SIGKILL), 0);
      face_lives = false;
      break;
  }
  if (face_lives) {
    ASSERT_TRUE(run.end(kBound)) << "the face lives on with\n" << outer.describe();
    EXPECT_TRUE(left().empty()) << outer.describe();
  } else {
    EXPECT_TRUE(nothing_left_within(kBound)) << outer.describe();
  }
  RecordProperty("left", static_cast<int>(left().size()));  // for `make matrix`
  for (const pid_t pid : sibling)
    EXPECT_TRUE(os::PidFd::open(pid).value().signal(0).value()) << "sibling harmed";
  beside.close_input();
  EXPECT_EQ(beside.status(), 0);
  EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& [adversary, rung, fault] = info.param;
  return adversary + "_" + name_of(rung) + "_" + name_of(fault);
}

const auto kEach = testing::ValuesIn(kAdversaries);
INSTANTIATE_TEST_SUITE_P(
    Adversaries, RunAgainst,
    testing::Combine(kEach,
                     testing::Values(TestRung::tree, TestRung::leaf, TestRung::pidns, TestRung::user_pidns),
                     testing::Values(Fault::command_ends, Fault::client_closes, Fault::caller_killed,
                                     Fault::term, Fault::face_killed, Fault::keeper_killed,
                                     Fault::group_killed)),
    name_of_case);
INSTANTIATE_TEST_SUITE_P(OneStroke, RunAgainst,
                         testing::Combine(kEach, testing::Values(TestRung::pidns, TestRung::user_pidns),
                                          testing::Values(Fault::one_stroke)),
                         name_of_case);

// Between any two instructions of a start: no leaf, no keeper and no command may be left of it.
TEST(RunStart, killed_at_any_moment_of_its_first_milliseconds_leaves_nothing) {
  for (const bool of_keeper : {false, true}) {
    for (int i = 0; i < 150; ++i) {
      Outer outer;
      FaceRun run(outer, {.program = adversary_path("deaf"),
                          .rung = outer.cgroup().empty() || i % 2 == 0 ? TestRung::tree : TestRung::leaf,
                          .options = {"--stop=eof=20ms,term=20ms"}});
      const auto end = steady_clock::now() + std::chrono::microseconds(40 * i);
      pid_t victim = of_keeper ? 0 : run.pid();
      while (steady_clock::now() < end) {
      }
      if (of_keeper) (void)os::for_each_child(run.pid(), [&](pid_t child) { victim = child; });
      if (victim != 0)
        if (const auto process = os::PidFd::open(victim)) (void)process->signal(SIGKILL);
      if (of_keeper) {
        run.close_input();
        ASSERT_TRUE(run.end(kBound)) << i << '\n' << outer.describe();
        EXPECT_TRUE(outer.members().empty()) << i << '\n' << outer.describe();
      } else {
        EXPECT_TRUE(outer.empty_within(kBound)) << i << '\n' << outer.describe();
      }
    }
  }
}

// The negative control: without custody the same judge finds somebody.
TEST(RunControl, a_bare_command_leaves_its_helpers_behind) {
  for (const char* adversary : {"deaf", "daemonize", "detached"}) {
    Outer outer;
    const std::string marker = testing::TempDir() + "holdfast-bare-" + std::to_string(::getpid());
    auto caller = outer.start({.path = program_path("run_caller"),
                               .arguments = {"pipe", adversary_path(adversary), marker},
                               .environment = {"PATH=/usr/bin:/bin"}});
    ASSERT_TRUE(caller);
    const auto end = steady_clock::now() + milliseconds(10000);
    while (::access(marker.c_str(), F_OK) != 0 && steady_clock::now() < end)
      (void)os::poll_all({}, milliseconds(1));
    ::unlink(marker.c_str());
    EXPECT_TRUE(caller->signal(SIGKILL).value());
    EXPECT_FALSE(outer.empty_within(milliseconds(300))) << adversary;
  }
}

}  // namespace
}  // namespace holdfast::test
