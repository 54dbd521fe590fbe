// Every adversary, on every rung, against every way in which a tree ends. The judge is Outer.
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>
#include <tuple>

#include "adversaries/names.h"
#include "custody/members.h"
#include "keeper_run.h"
#include "needs.h"

namespace holdfast::test {
namespace {

using custody::KeeperMessage;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

enum class Event { stop, lifeline_closed, gateway_killed, keeper_killed, one_stroke };

std::string name_of(Event event) {
  switch (event) {
    case Event::stop:
      return "stop";
    case Event::lifeline_closed:
      return "lifeline_closed";
    case Event::gateway_killed:
      return "gateway_killed";
    case Event::keeper_killed:
      return "keeper_killed";
    case Event::one_stroke:
      return "one_stroke";
  }
  return "";
}

void PrintTo(Event event, std::ostream* out) { *out << name_of(event); }

using Case = std::tuple<std::string, TestRung, Event>;
const milliseconds kBound =
    patience(milliseconds(20000));  // the ladder is over in 1.3 s; the rest: a busy machine

class KeeperAgainst : public testing::TestWithParam<Case> {};

// What the custodian does for the children of a dead keeper: they came to us, and get no grace.
void end_as_custodian(os::CgroupLeaf leaf) {
  custody::Members orphans(::getpid(), std::move(leaf));
  const auto end = steady_clock::now() + kBound;
  for (;;) {
    while (os::wait_child(-1).value_or(os::Waited{}).pid != 0) {
    }
    if (orphans.empty()) return;
    ASSERT_LT(steady_clock::now(), end) << "orphans would not die";
    (void)orphans.kill();
  }
}

TEST_P(KeeperAgainst, nothing_is_left) {
  const auto& [adversary, rung, event] = GetParam();
  Outer outer;
  const auto absent = why_not_offered(rung, outer);
  HOLDFAST_NEEDS(name_of(rung), absent.empty(), absent);
  KeeperRun run(outer, {.program = adversary_path(adversary), .rung = rung, .with_marker = true});
  ASSERT_TRUE(run.expect(KeeperMessage::started));
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());

  const auto begin = steady_clock::now();
  if (event == Event::stop) run.stop(100, 200);
  if (event == Event::lifeline_closed) run.close_lifeline();
  if (event == Event::gateway_killed) run.kill_gateway();
  if (event == Event::one_stroke) {  // nobody is left who would end anything
    run.kill_in_one_stroke();
    EXPECT_TRUE(outer.empty_within(patience(milliseconds(2000)))) << outer.describe();
    return;
  }
  if (event == Event::keeper_killed) {
    run.kill_keeper();
    EXPECT_TRUE(run.keeper_end(kBound));
    end_as_custodian(std::move(run.leaf()));
  } else {
    const auto end = run.keeper_end(kBound);
    ASSERT_TRUE(end) << "the keeper lives on with\n" << outer.describe();
    EXPECT_EQ(end->signal, 0);
    EXPECT_EQ(end->code, 0);
  }
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
  if (event == Event::stop) {
    EXPECT_TRUE(run.expect(KeeperMessage::leader_exited));
    EXPECT_TRUE(run.expect(KeeperMessage::empty));
    if (adversary == "deaf")
      EXPECT_GE(steady_clock::now() - begin, milliseconds(300)) << "killed before its graces";
  }
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& [adversary, rung, event] = info.param;
  return adversary + "_" + name_of(rung) + "_" + name_of(event);
}

const auto kEach = testing::ValuesIn(kAdversaries);
INSTANTIATE_TEST_SUITE_P(Adversaries, KeeperAgainst,
                         testing::Combine(kEach,
                                          testing::Values(TestRung::tree, TestRung::leaf, TestRung::pidns,
                                                          TestRung::user_pidns),
                                          testing::Values(Event::stop, Event::lifeline_closed,
                                                          Event::gateway_killed, Event::keeper_killed)),
                         name_of_case);
// What only a PID namespace promises: with gateway and keeper dead, and no next start, nobody is left.
INSTANTIATE_TEST_SUITE_P(OneStroke, KeeperAgainst,
                         testing::Combine(kEach, testing::Values(TestRung::pidns, TestRung::user_pidns),
                                          testing::Values(Event::one_stroke)),
                         name_of_case);

}  // namespace
}  // namespace holdfast::test
