// Every adversary under a custodian, beside a sibling that must not notice: stopped, with its keeper killed,
// with its keeper stopped for good measure, and gone together with the gateway. The judge is Outer.
#include <signal.h>

#include <tuple>

#include "lab.h"
#include "needs.h"
#include "os/pidfd.h"
#include "outer.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;

enum class Blow { stop, keeper_killed, keeper_stopped, custodian_gone };

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
  }
  return "?";
}

using Case = std::tuple<const char*, Rung, Blow>;
class CustodianAgainst : public ::testing::TestWithParam<Case> {};

TEST_P(CustodianAgainst, nothing_is_left_and_the_sibling_is_unharmed) {
  const auto [adversary, rung, blow] = GetParam();
  test::Outer outer;
  Lab lab(rung == Rung::leaf);
  HOLDFAST_NEEDS("leaf", lab.custodian->rung().rung == rung, lab.custodian->rung().reason);
  const auto marked = [&](TreeSpec spec) {
    spec.command.environment.push_back(outer.marker());
    return spec;
  };
  const auto sibling = lab.start(marked(lab.program("/bin/cat", {}, "sibling")));
  const auto ready = lab.state / "ready";
  const auto tree =
      lab.start(marked(lab.program(test::adversary_path(adversary), {ready.native()}, adversary)));
  ASSERT_TRUE(tree);
  ASSERT_TRUE(lab.until([&] { return std::filesystem::exists(ready); }));

  const auto keeper = os::PidFd::open(tree->keeper_pid());
  if (blow == Blow::keeper_killed) {
    ASSERT_TRUE(keeper);
    (void)keeper->signal(SIGKILL);
    EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  } else if (blow == Blow::custodian_gone) {
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

INSTANTIATE_TEST_SUITE_P(Adversaries, CustodianAgainst,
                         ::testing::Combine(::testing::Values("polite", "deaf", "daemonize", "detached",
                                                              "leaderless", "chain", "bomb", "stopper",
                                                              "regroup", "vforker", "pipe_holder", "handover",
                                                              "reparent", "cloner", "late_forker", "renamed",
                                                              "mover", "nester", "freezer"),
                                            ::testing::Values(Rung::tree, Rung::leaf),
                                            ::testing::Values(Blow::stop, Blow::keeper_killed,
                                                              Blow::keeper_stopped, Blow::custodian_gone)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::string(to_string(std::get<1>(info.param))) + "_" +
                                  name_of(std::get<2>(info.param));
                         });

}  // namespace
}  // namespace holdfast::custody
