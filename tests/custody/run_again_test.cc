// Where a leaf can be made but takes nobody, `holdfast run` tries once more without one: what came to it
// meanwhile holds for the second try as if that were the first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "base/ids.h"
#include "needs.h"
#include "os/cgroup.h"
#include "os/leaf_below.h"
#include "run_lab.h"

namespace holdfast::test {
namespace {

using testing::StartsWith;

enum class Refusal { threaded, no_right };
std::string name_of(Refusal why) { return why == Refusal::threaded ? "threaded" : "no_right"; }
void PrintTo(Refusal why, std::ostream* out) { *out << name_of(why); }

class RunAgain : public testing::TestWithParam<Refusal> {
 protected:
  void SetUp() override {
    HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
    const auto created = os::CgroupLeaf::create(outer.cgroup(), "place").value();
    if (GetParam() == Refusal::threaded) {
      // Whatever is made below it takes no processes: "domain invalid", cgroup-v2.rst.
      const auto made = os::set_leaf_limit(created, "cgroup.type", "threaded");
      HOLDFAST_NEEDS("threaded", made, made.error().message());
    } else {
      // Anybody may make a cgroup in it, but only root may move processes out of it.
      HOLDFAST_NEEDS("root", ::getuid() == 0, "to become somebody without a right to cgroup.procs");
      std::filesystem::permissions(place, std::filesystem::perms::all);
      become = "/usr/bin/setpriv --reuid=" + std::string(kOrdinaryUser) + " --clear-groups ";
    }
  }
  void TearDown() override { std::filesystem::remove(report); }

  // `first` runs in the shell that then becomes the face.
  [[nodiscard]] RunSpec spec(const std::string& script, const std::string& first, Input input) const {
    return {
        .program = "sh",
        .arguments = {"-c", script},
        .options = {"--isolation=auto", "--stop=eof=5s,term=5s", "--report=" + report},
        .input = input,
        .wrapper = {"/bin/sh", "-c",
                    "echo 0 > " + place + "/cgroup.procs && " + first + " exec " + become + "\"$0\" \"$@\""}};
  }
  // That there was a second try, and that nobody had to finish for its keeper.
  [[nodiscard]] nlohmann::json checked_report() const {
    auto told = nlohmann::json::parse(slurp_file(report));
    EXPECT_EQ(told["rung"], "tree");
    EXPECT_THAT(told["rung_reason"].get<std::string>(), StartsWith("sh: "));  // not mkdir
    EXPECT_EQ(told["keeper_lost"], false);
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
    EXPECT_EQ(os::list_cgroups(place, "holdfast-run-").value().size(), 0U);
    return told;
  }

  Outer outer;
  const std::string place = outer.cgroup() + "/place";
  std::string become;
  const std::string report = testing::TempDir() + "holdfast-again-" + random_hex(6);
};

TEST_P(RunAgain, an_input_that_has_ended_already_leaves_the_command_its_grace) {
  for (int i = 0; i < 3; ++i) {  // the first keeper may be dead before the face's first look at the input
    // Longer than a keeper may leave a request unanswered.
    FaceRun run(outer, spec("cat; sleep 0.8; echo done; exit 7", "cat >/dev/null;", Input::pipe));
    run.close_input();
    EXPECT_EQ(run.read_all(), "done\n");
    EXPECT_EQ(run.status(), 7) << run.errors();
    const auto told = checked_report();
    EXPECT_EQ(told["ended_by"], "end_of_input");
    ASSERT_EQ(told["ladder"].size(), 1U) << told;
    EXPECT_EQ(told["ladder"][0]["step"], "eof");
  }
}

TEST_P(RunAgain, a_signal_for_a_command_that_did_not_start_is_for_the_one_that_does) {
  for (int i = 0; i < 10; ++i) {
    FaceRun run(outer, spec("exec sleep 30", "", Input::null));
    ASSERT_GT(FaceRun::first_child(run.pid()), 1);  // the first keeper
    run.signal(SIGINT);
    EXPECT_EQ(run.status(), 130) << run.errors();
    const auto told = checked_report();
    EXPECT_EQ(told["killed_by"], SIGINT) << told;
  }
}

TEST_P(RunAgain, nothing_came_and_the_command_runs_as_ever) {
  FaceRun run(outer, spec("echo ran; exit 3", "", Input::null));
  EXPECT_EQ(run.read_all(), "ran\n");
  EXPECT_EQ(run.status(), 3);
  EXPECT_EQ(checked_report()["ended_by"], "command");
}

INSTANTIATE_TEST_SUITE_P(Refusals, RunAgain, testing::Values(Refusal::threaded, Refusal::no_right),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace holdfast::test
