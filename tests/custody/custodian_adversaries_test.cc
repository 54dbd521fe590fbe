// Every adversary under a custodian, beside a sibling that must not notice: stopped, with its keeper killed,
// with its keeper stopped for good measure, its gateway gone, and both in one stroke. The judge is Outer.
#include <signal.h>

#include <tuple>

#include "lab.h"
#include "needs.h"
#include "os/pidfd.h"
#include "outer.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;

enum class Blow { stop, keeper_killed, keeper_stopped, custodian_gone, one_stroke };

const char* name_of(Blow blow) {
  switch (blow) {
    case Blow::stop:
      return "stop";
    case Blow::keeper_killed:
      return "keeper_killed";
    case Blow::keeper_stopped:
      return "keeper_stopped";
    case Blow::custodian_gone:
      return "custodian_gone";
    case Blow::one_stroke:
      return "one_stroke";
  }
  return "?";
}

using Case = std::tuple<const char*, Rung, Blow>;
class CustodianAgainst : public ::testing::TestWithParam<Case> {};

TEST_P(CustodianAgainst, nothing_is_left_and_the_sibling_is_unharmed) {
  const auto [adversary, rung, blow] = GetParam();
  test::Outer outer;
  Lab lab(rung != Rung::tree);
  const auto& offered = lab.custodian->rung();
  HOLDFAST_NEEDS("pidns", rung != Rung::pidns || offered.no_pidns.empty(), offered.no_pidns);
  HOLDFAST_NEEDS("leaf", rung != Rung::leaf || offered.rung == rung, offered.reason);
  lab.pidns = rung == Rung::pidns;
  const auto marked = [&](TreeSpec spec) {
    spec.command.environment.push_back(outer.marker());
    return spec;
  };
  const auto sibling = lab.start(marked(lab.program("/bin/cat", {}, "sibling")));
  const auto ready = lab.state / "ready";
  const auto tree =
      lab.start(marked(lab.program(test::adversary_path(adversary), {ready.native()}, adversary)));
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->rung(), rung);
  ASSERT_TRUE(lab.until([&] { return std::filesystem::exists(ready); }));

  const auto keeper = os::PidFd::open(tree->keeper_pid());
  if (blow == Blow::keeper_killed) {
    ASSERT_TRUE(keeper);
    (void)keeper->signal(SIGKILL);
    EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  } else if (blow == Blow::custodian_gone || blow == Blow::one_stroke) {
    if (blow == Blow::one_stroke) {  // by the kernel, before the next start lifts a finger
      for (const auto& each : {tree, sibling}) (void)os::PidFd::open(each->keeper_pid())->signal(SIGKILL);
      EXPECT_TRUE(outer.empty_within(test::patience(2s))) << outer.describe();
    }
    lab.reopen();
    EXPECT_TRUE(lab.until([&] { return outer.members().empty(); })) << outer.describe();
    EXPECT_TRUE(lab.run(lab.custodian->recover()).unverified.empty());
    EXPECT_TRUE(lab.nothing_left());
    return;
  } else {
    if (blow == Blow::keeper_stopped) (void)keeper->signal(SIGSTOP);
    EXPECT_TRUE(lab.run(lab.custodian->stop(tree, "test")));
  }
  EXPECT_TRUE(alive(sibling->leader_pid()));
  EXPECT_EQ(sibling->state(), TreeState::active);
  EXPECT_TRUE(lab.run(lab.custodian->stop(sibling, "test")));
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
  EXPECT_TRUE(lab.nothing_left());
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  const auto& [adversary, rung, blow] = info.param;
  return std::string(adversary) + "_" + std::string(to_string(rung)) + "_" + name_of(blow);
}

const auto kAdversaries = ::testing::Values(
    "polite", "deaf", "daemonize", "detached", "leaderless", "chain", "bomb", "stopper", "regroup", "vforker",
    "pipe_holder", "handover", "reparent", "cloner", "late_forker", "renamed", "mover", "nester", "freezer");
INSTANTIATE_TEST_SUITE_P(Adversaries, CustodianAgainst,
                         ::testing::Combine(kAdversaries,
                                            ::testing::Values(Rung::tree, Rung::leaf, Rung::pidns),
                                            ::testing::Values(Blow::stop, Blow::keeper_killed,
                                                              Blow::keeper_stopped, Blow::custodian_gone)),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(OneStroke, CustodianAgainst,
                         ::testing::Combine(kAdversaries, ::testing::Values(Rung::pidns),
                                            ::testing::Values(Blow::one_stroke)),
                         name_of_case);

}  // namespace
}  // namespace holdfast::custody
