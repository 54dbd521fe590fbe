// A PID namespace around a command: what the command sees, what reaches it, and what is refused. As root, and
// as an ordinary user, who needs a user namespace for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "needs.h"
#include "os/process.h"
#include "os/procfs.h"
#include "run_lab.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class RunPidns : public testing::TestWithParam<TestRung> {
 protected:
  void SetUp() override {
    const auto reason = why_not_offered(GetParam(), outer);
    HOLDFAST_NEEDS(name_of(GetParam()), reason.empty(), reason);
  }
  RunSpec shell(const std::string& script) const {
    return {.program = "sh", .arguments = {"-c", script}, .rung = GetParam(), .input = Input::null};
  }
  std::string said(const std::string& script) {
    FaceRun run(outer, shell(script));
    const auto text = run.read_all();
    EXPECT_EQ(run.status(), 0) << run.errors();
    return text;
  }
  Outer outer;
};
INSTANTIATE_TEST_SUITE_P(Users, RunPidns, testing::Values(TestRung::pidns, TestRung::user_pidns),
                         [](const auto& info) { return name_of(info.param); });

TEST_P(RunPidns, the_command_sees_its_own_processes_only) {
  EXPECT_EQ(said("echo $$ $PPID; cat /proc/1/comm; for p in /proc/[0-9]*; do echo -n \"${p#/proc/} \"; done"),
            "2 1\nholdfast-init\n1 2 ");
}

TEST_P(RunPidns, it_keeps_its_directory_its_user_and_its_descriptors) {
  EXPECT_EQ(said("cd -P .; pwd"), std::string(::get_current_dir_name()) + "\n");
  EXPECT_EQ(said("id -u"),
            (GetParam() == TestRung::pidns ? std::to_string(::getuid()) : kOrdinaryUser) + "\n");
  EXPECT_EQ(said("exec ls /proc/self/fd"), "0\n1\n2\n3\n");  // 3: the directory that ls reads
}

TEST_P(RunPidns, its_status_is_the_commands) {
  const struct {
    const char* script;
    int status;
  } cases[] = {
      {"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}, {"sleep 30 & exit 3", 3}};
  for (const auto& each : cases) {
    FaceRun run(outer, shell(each.script));
    EXPECT_EQ(run.status(), each.status) << each.script;
    EXPECT_EQ(run.errors(), "");
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

TEST_P(RunPidns, signals_are_passed_on_through_its_init_once) {
  auto spec = shell(
      "for s in INT QUIT USR1 USR2 WINCH; do trap \"echo $s\" $s; done; n=0; trap 'n=$((n+1)); echo term' "
      "TERM\n"
      "echo ready; while [ $n = 0 ]; do sleep 0.01; done; sleep 0.1; exit 5");
  spec.options = {"--stop=term=5s"};
  FaceRun run(outer, spec);
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  for (const auto& [number, name] : {std::pair{SIGINT, "INT\n"},
                                     {SIGQUIT, "QUIT\n"},
                                     {SIGUSR1, "USR1\n"},
                                     {SIGUSR2, "USR2\n"},
                                     {SIGWINCH, "WINCH\n"}}) {
    run.signal(number);
    EXPECT_EQ(run.read_until(name), name);
  }
  run.signal(SIGTERM);
  EXPECT_EQ(run.read_all(), "term\n");
  EXPECT_EQ(run.status(), 5);
}

TEST_P(RunPidns, its_init_passes_on_what_an_operator_sends_it) {
  FaceRun run(outer, shell("trap 'echo term; exit 6' TERM; echo ready; while :; do sleep 0.01; done"));
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  FaceRun::kill(FaceRun::first_child(run.keeper_pid()), SIGTERM);
  EXPECT_EQ(run.read_all(), "term\n");
  EXPECT_EQ(run.status(), 6);
}

TEST_P(RunPidns, its_init_is_safe_from_inside_and_takes_all_along_when_killed_from_outside) {
  FaceRun run(outer,
              shell("kill -9 1; kill -STOP 1; kill -SEGV 1; (setsid sleep 100 &); echo ready; sleep 100"));
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  FaceRun::kill(FaceRun::first_child(run.keeper_pid()), SIGKILL);
  EXPECT_EQ(run.status(), 137);
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

// A dead init tells nothing, and a held one neither: the tree ends all the same.
TEST_P(RunPidns, a_stopped_init_holds_nothing_up) {
  FaceRun run(outer, shell("echo ready; exec sleep 100"));
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  FaceRun::kill(FaceRun::first_child(run.keeper_pid()), SIGSTOP);
  run.signal(SIGTERM);
  EXPECT_TRUE(run.end(milliseconds(10000)));
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST_P(RunPidns, nobody_asks_for_heap_and_each_takes_less_than_60_kb) {
  FaceRun run(outer, {.program = "cat", .rung = GetParam(), .keeper = "keeper-without-heap"});
  run.write("x\n");
  ASSERT_EQ(run.read_until("\n"), "x\n");
  const pid_t keeper = run.keeper_pid();
  (void)os::poll_all({}, milliseconds(20));
  for (const pid_t pid : {keeper, FaceRun::first_child(keeper)}) {
    const auto cost = os::pss_anon_bytes(pid);
    if (cost) EXPECT_LT(*cost, 60 * 1024) << os::read_stat(pid)->comm.view();
    if (cost) RecordProperty(std::string(os::read_stat(pid)->comm.view()), static_cast<int>(*cost / 1024));
  }
  run.close_input();
  EXPECT_EQ(run.status(), 0) << run.errors();
}

TEST_P(RunPidns, runs_inside_another_one) {
  auto spec = shell(program_path("holdfast-keeper") + " run --isolation=pidns -- sh -c 'echo $$; exit 4'");
  FaceRun run(outer, spec);
  EXPECT_EQ(run.read_all(), "2\n") << run.errors();
  EXPECT_EQ(run.status(), 4);
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

// Where it cannot be had, nothing runs on less.
TEST(RunPidnsRefused, with_the_reason_and_nothing_has_run) {
  const std::string user = std::string("exec setpriv --reuid ") + kOrdinaryUser + " --clear-groups ";
  const struct {
    std::string forbid, reason;
  } cases[] = {
      {user + "unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_pid_namespaces && exec "
              "\"$@\"' sh \"$@\"",
       "pid namespace: No space left on device"},
      {"mount --bind /dev/null /proc/version && " + user + "\"$@\"",  // as containers hide parts of it
       "mount /proc: Operation not permitted"}};
  for (const auto& each : cases) {
    Outer outer;
    const auto why = why_not_offered(TestRung::user_pidns, outer);
    HOLDFAST_NEEDS("user_pidns", why.empty(), why);
    FaceRun run(outer, {.program = "echo",
                        .arguments = {"ran"},
                        .rung = TestRung::pidns,
                        .input = Input::null,
                        .wrapper = {"/usr/bin/unshare", "--mount", "sh", "-c", each.forbid, "sh"}});
    EXPECT_EQ(run.read_all(), "");
    EXPECT_EQ(run.status(), 125) << each.forbid;
    EXPECT_THAT(run.errors(), HasSubstr("--isolation=pidns: " + each.reason));
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

}  // namespace
}  // namespace holdfast::test
