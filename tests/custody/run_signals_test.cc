// What reaches a `holdfast run` from outside, and how it ends: signals, the end of its input, dead and
// stopped relatives.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/ids.h"
#include "needs.h"
#include "os/process.h"
#include "os/procfs.h"
#include "run_lab.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
constexpr milliseconds kBound{10000};

RunSpec shell(const std::string& script, Input input = Input::null) {
  return {.program = "sh", .arguments = {"-c", script}, .input = input};
}

TEST(RunSignals, five_are_passed_on_to_the_commands_whole_group) {
  Outer outer;
  // The shell waits for a child that hears them as well, as a wrapper's server would.
  FaceRun run(outer, shell("for s in INT QUIT USR1 USR2 WINCH; do trap \"echo outer-$s\" $s; done\n"
                           "setpriv --ptracer=any true 2>/dev/null\n"
                           "perl -e '$|=1; for my $s (qw(INT QUIT USR1 USR2 WINCH)) { $SIG{$s} = sub { print "
                           "\"inner-$s\\n\" } } print \"ready\\n\"; sleep 1 while 1' &\n"
                           "while :; do wait; done"));
  ASSERT_THAT(run.read_until("ready\n"), HasSubstr("ready"));
  const struct {
    int number;
    const char* name;
  } signals[] = {
      {SIGINT, "INT"}, {SIGQUIT, "QUIT"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGWINCH, "WINCH"}};
  for (const auto& each : signals) {
    run.signal(each.number);
    EXPECT_THAT(run.read_until(std::string("outer-") + each.name + "\n"), HasSubstr(each.name));
  }
  run.signal(SIGTERM);
  EXPECT_EQ(run.status(), 143);
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

// The keeper is born into the face's process group. A blow at that group is the face's to pass on, whenever
// it comes.
TEST(RunSignals, a_blow_at_a_group_whose_keeper_was_just_born_reaches_the_command) {
  Outer outer;
  for (int i = 0; i < 100; ++i) {
    FaceRun run(outer, {.program = "sleep", .arguments = {"30"}, .input = Input::null});
    ASSERT_NE(FaceRun::first_child(run.pid()), 0);
    ASSERT_TRUE(run.process().signal_group(SIGINT));
    ASSERT_EQ(run.status(), 130) << i << run.errors();
  }
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST(RunSignals, a_signal_that_the_command_dies_of_is_its_status) {
  Outer outer;
  FaceRun run(outer, {.program = "sleep", .arguments = {"30"}, .input = Input::null});
  (void)FaceRun::first_child(run.keeper_pid());
  run.signal(SIGINT);
  EXPECT_EQ(run.status(), 130);
}

TEST(RunSignals, term_and_hup_end_a_deaf_command_by_the_ladder) {
  for (const int number : {SIGTERM, SIGHUP}) {
    Outer outer;
    FaceRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
    ASSERT_TRUE(run.evil_within(kBound));
    const auto begin = steady_clock::now();
    run.signal(number);
    EXPECT_EQ(run.status(), 137);
    EXPECT_GE(steady_clock::now() - begin, milliseconds(200)) << "killed before its grace";
    EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

TEST(RunSignals, a_polite_command_gets_one_term_and_its_own_status) {
  Outer outer;
  auto spec = shell(
      "n=0; trap 'n=$((n+1)); echo term' TERM; echo ready; while [ $n = 0 ]; do sleep 0.01; done; "
      "sleep 0.1; exit 5");
  spec.options = {"--stop=term=5s"};
  FaceRun run(outer, spec);
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  run.signal(SIGTERM);
  run.signal(SIGTERM);
  EXPECT_EQ(run.read_all(), "term\n");
  EXPECT_EQ(run.status(), 5);
}

TEST(RunSignals, what_the_caller_ignores_stays_ignored_but_for_term) {
  Outer outer;
  RunSpec spec = shell("echo ready; exec sleep 30");
  spec.wrapper = {"/usr/bin/env", "--ignore-signal=HUP,INT,TERM"};
  FaceRun run(outer, spec);
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  run.signal(SIGHUP);
  run.signal(SIGINT);
  EXPECT_FALSE(run.end(milliseconds(200)));
  run.signal(SIGTERM);
  EXPECT_EQ(run.status(), 143);
}

TEST(RunSignals, inherited_oddities_of_signals_change_nothing) {
  for (const char* oddity : {"--block-signal", "--ignore-signal=CHLD"}) {
    Outer outer;
    RunSpec spec = shell("grep -E 'SigBlk|SigIgn' /proc/self/status; exit 9");
    spec.wrapper = {"/usr/bin/env", oddity};
    FaceRun run(outer, spec);
    EXPECT_EQ(run.read_all(), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") << oddity;
    EXPECT_EQ(run.status(), 9) << oddity;
  }
}

TEST(RunInput, its_end_ends_a_polite_command_and_starts_the_ladder_for_a_deaf_one) {
  enum class End { pipe_closed, socket_closed, socket_shut_down };
  for (const End how : {End::pipe_closed, End::socket_closed, End::socket_shut_down}) {
    for (const bool deaf : {false, true}) {
      Outer outer;
      FaceRun run(outer, {.program = adversary_path(deaf ? "deaf" : "polite"),
                          .input = how == End::pipe_closed ? Input::pipe : Input::socket,
                          .with_marker = true});
      ASSERT_TRUE(run.evil_within(kBound));
      const auto begin = steady_clock::now();
      how == End::socket_shut_down ? run.end_input_by_shutdown() : run.close_input();
      EXPECT_EQ(run.status(), deaf ? 137 : 0);
      if (deaf) EXPECT_GE(steady_clock::now() - begin, milliseconds(300)) << "killed before its graces";
      EXPECT_TRUE(outer.members().empty()) << outer.describe();
    }
  }
}

TEST(RunInput, that_is_not_read_hides_nothing) {
  Outer outer;
  FaceRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
  ASSERT_TRUE(run.evil_within(kBound));
  FaceRun::kill(FaceRun::first_child(run.keeper_pid()), SIGSTOP);
  run.write("never read");
  run.close_input();
  EXPECT_EQ(run.status(), 137);
}

TEST(RunInput, its_end_means_nothing_to_a_batch_command_that_says_so) {
  Outer outer;
  auto spec = shell("cat; sleep 0.5; echo done", Input::pipe);
  spec.options = {"--on-eof=ignore", "--stop=eof=10ms,term=10ms"};
  FaceRun run(outer, spec);
  run.write("work\n");
  run.close_input();
  EXPECT_EQ(run.read_all(), "work\ndone\n");
  EXPECT_EQ(run.status(), 0);
}

TEST(RunInput, of_dev_null_or_a_file_never_ends) {
  Outer outer;
  auto spec = shell("sleep 0.5; exit 4");
  spec.options = {"--stop=eof=10ms,term=10ms"};
  FaceRun run(outer, spec);
  EXPECT_EQ(run.status(), 4);
}

TEST(RunInput, a_fifo_that_is_opened_again_is_served_on) {
  const std::string path = testing::TempDir() + "holdfast-fifo-" + random_hex(6);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Outer outer;
  auto spec = shell("");
  spec.program = "/usr/bin/perl";
  spec.arguments = {"-e",
                    "$|=1; while (1) { sysread(STDIN, $b, 99) ? print $b : select(undef,undef,undef,0.01) }"};
  spec.options = {"--stop=eof=600ms,term=100ms"};
  spec.wrapper = {"/bin/sh", "-c", "exec \"$0\" \"$@\" <" + path};
  FaceRun run(outer, spec);
  for (const char* text : {"one\n", "two\n", "three\n"}) {
    std::ofstream(path) << text << std::flush;  // the only writer, and it closes
    EXPECT_EQ(run.read_until(text), text);
  }
  EXPECT_EQ(run.status(), 143) << "and nobody came again";
  std::filesystem::remove(path);
}

TEST(RunHandOver, a_wrappers_heir_is_served_on_until_the_input_ends) {
  for (const bool by_signal : {false, true}) {
    Outer outer;
    FaceRun run(outer, {.program = adversary_path("handover"), .with_marker = true});
    ASSERT_TRUE(run.evil_within(kBound));
    EXPECT_FALSE(run.end(milliseconds(200)));
    run.write("hello");
    EXPECT_EQ(run.read_until("hello"), "hello");
    by_signal ? run.signal(SIGTERM) : run.close_input();
    EXPECT_EQ(run.status(), 0) << "the wrapper's status";
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

TEST(RunHandOver, an_heir_hears_signals) {
  Outer outer;
  auto spec = shell(
      "exec 3<&0; (trap 'echo heard; exit' USR1; echo ready; while :; do sleep 0.01; done) <&3 3<&- & exit 0",
      Input::pipe);
  FaceRun run(outer, spec);
  ASSERT_EQ(run.read_until("ready\n"), "ready\n");
  (void)os::poll_all({}, milliseconds(100));  // the shell has ended by then; if not, its group hears the same
  run.signal(SIGUSR1);
  EXPECT_EQ(run.read_until("heard\n"), "heard\n");
  EXPECT_EQ(run.status(), 0);
}

TEST(RunHandOver, a_background_child_that_lets_go_of_the_input_is_no_heir) {
  for (int i = 0; i < 20; ++i) {
    Outer outer;
    // A shell gives it /dev/null as its input, which may happen after the shell itself has ended.
    FaceRun run(outer, shell("sleep 30 & exit 4", Input::pipe));
    EXPECT_EQ(run.status(), 4);
    FaceRun quiet(outer, shell("sleep 30 & exit 0", Input::pipe));
    EXPECT_EQ(quiet.status(), 0);
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

TEST(RunHandOver, a_command_that_failed_hands_nothing_over) {
  Outer outer;
  FaceRun run(outer, {.program = adversary_path("handover"), .arguments = {"3"}, .with_marker = true});
  EXPECT_EQ(run.status(), 3);
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

class RunCaller : public testing::TestWithParam<const char*> {};
TEST_P(RunCaller, L27_killed_takes_the_command_along_however_it_was_started) {
  for (const char* thread : {"", "thread"}) {
    Outer outer;
    // With an input that has ended already, only one that does not care lives on.
    const bool null = std::string_view(GetParam()) == "null";
    RunSpec spec{.program = adversary_path(null ? "deaf" : "daemonize"), .with_marker = true};
    spec.wrapper = {program_path("run_caller"), GetParam()};
    if (*thread != '\0') spec.wrapper.emplace_back(thread);
    FaceRun run(outer, spec);
    ASSERT_TRUE(run.evil_within(kBound));
    const pid_t face = FaceRun::first_child(run.pid());
    (void)os::poll_all({}, milliseconds(100));
    EXPECT_TRUE(os::read_stat(face)) << "it took the end of its caller's thread for its caller's";
    run.signal(SIGKILL);
    EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
  }
}
INSTANTIATE_TEST_SUITE_P(Inputs, RunCaller, testing::Values("pipe", "socket", "null"),
                         [](const auto& info) { return std::string(info.param); });

TEST(RunCallerDeath, wakes_a_stopped_face) {
  Outer outer;
  RunSpec spec{.program = adversary_path("deaf"), .with_marker = true};
  spec.wrapper = {program_path("run_caller"), "null"};
  FaceRun run(outer, spec);
  ASSERT_TRUE(run.evil_within(kBound));
  FaceRun::kill(FaceRun::first_child(run.pid()), SIGSTOP);
  run.signal(SIGKILL);
  EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
}

TEST(RunFace, stopped_and_killed_leaves_nothing) {
  Outer outer;
  FaceRun run(outer, {.program = adversary_path("daemonize"), .with_marker = true});
  ASSERT_TRUE(run.evil_within(kBound));
  run.signal(SIGSTOP);
  run.signal(SIGKILL);
  EXPECT_EQ(run.status(), 137);
  EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
}

TEST(RunFace, stopped_still_reports_a_command_that_ends) {
  Outer outer;
  FaceRun run(outer, {.program = adversary_path("polite"), .with_marker = true});
  ASSERT_TRUE(run.evil_within(kBound));
  run.signal(SIGSTOP);
  (void)os::poll_all({}, milliseconds(20));
  run.close_input();
  EXPECT_EQ(run.status(), 0);
}

TEST(RunKeeper, stopped_is_continued_and_does_its_work) {
  Outer outer;
  FaceRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
  ASSERT_TRUE(run.evil_within(kBound));
  FaceRun::kill(run.keeper_pid(), SIGSTOP);
  run.signal(SIGTERM);
  EXPECT_EQ(run.status(), 137);
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST(RunKeeper, stopped_again_and_again_is_replaced_by_the_face) {
  Outer outer;
  FaceRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
  ASSERT_TRUE(run.evil_within(kBound));
  const auto keeper = os::PidFd::open(run.keeper_pid()).value();
  const auto end = steady_clock::now() + kBound;
  while (!keeper.exited() && steady_clock::now() < end) {
    (void)keeper.signal(SIGSTOP);
    (void)os::poll_all({}, milliseconds(5));
  }
  EXPECT_EQ(run.status(), 137);
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST(RunNested, whoever_of_the_four_dies_nothing_is_left) {
  for (const char* victim : {"outer face", "outer keeper", "inner face", "inner keeper", "command"}) {
    Outer outer;
    RunSpec spec{.program = program_path("holdfast-keeper"),
                 .arguments = {"run", "--stop=eof=100ms,term=200ms", "--", adversary_path("daemonize")},
                 .rung = outer.cgroup().empty() ? TestRung::tree : TestRung::leaf};
    const std::string marker = testing::TempDir() + "holdfast-nested-" + random_hex(6);
    spec.arguments.push_back(marker);
    FaceRun run(outer, spec);
    const auto end = steady_clock::now() + kBound;
    while (!std::filesystem::exists(marker) && steady_clock::now() < end)
      (void)os::poll_all({}, milliseconds(1));
    std::filesystem::remove(marker);
    const pid_t keeper = run.keeper_pid(), face = FaceRun::first_child(keeper),
                inner = FaceRun::keeper_of(face);
    const std::string_view name(victim);
    FaceRun::kill(name == "outer face"     ? run.pid()
                  : name == "outer keeper" ? keeper
                  : name == "inner face"   ? face
                  : name == "inner keeper" ? inner
                                           : FaceRun::first_child(inner),
                  SIGKILL);
    // The command runs a moment before its keeper has said so: killed just then, it counts as never started.
    const int status = run.status();
    EXPECT_TRUE(status == 137 || (name == "inner keeper" && status == 125)) << victim << " " << status;
    EXPECT_TRUE(outer.empty_within(kBound)) << victim << '\n' << outer.describe();
  }
}

TEST(RunInit, L20_as_pid_1_it_reaps_and_reports) {
  Outer outer;
  RunSpec spec =
      shell("echo $PPID; (sleep 0.05 &) ; setsid sleep 30 & sleep 0.2; ps -eo stat= | grep -c Z; exit 6");
  spec.wrapper = {"/usr/bin/unshare", "--pid", "--fork", "--mount-proc"};
  FaceRun run(outer, spec);
  const int status = run.status();
  HOLDFAST_NEEDS("pidns", status != 1 || !run.errors().starts_with("unshare"), run.errors());
  EXPECT_EQ(status, 6) << run.errors();
  EXPECT_EQ(run.read_all(), "2\n0\n");
  EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
}

TEST(RunInit, refuses_a_proc_that_speaks_of_other_processes) {
  Outer outer;
  RunSpec spec = shell("echo ran");
  spec.wrapper = {"/usr/bin/unshare", "--pid", "--fork"};
  FaceRun run(outer, spec);
  const int status = run.status();
  HOLDFAST_NEEDS("pidns", status != 1 || !run.errors().starts_with("unshare"), run.errors());
  EXPECT_EQ(status, 125);
  EXPECT_EQ(run.read_all(), "");
  EXPECT_THAT(run.errors(), HasSubstr("another PID namespace"));
}

TEST(RunStrangers, L39_children_from_before_are_no_part_of_the_tree) {
  for (const bool keeper_dies : {false, true}) {
    Outer outer;
    RunSpec spec = shell("echo ready; exec sleep 31");
    // A shell that starts helpers and becomes the face: they are its children, and one is in a session of its
    // own.
    spec.wrapper = {"/bin/sh", "-c", "sleep 40 & setsid sleep 40 & sleep 0.1; exec \"$0\" \"$@\""};
    FaceRun run(outer, spec);
    ASSERT_EQ(run.read_until("ready\n"), "ready\n");
    keeper_dies ? FaceRun::kill(run.keeper_pid(), SIGKILL) : run.signal(SIGTERM);
    EXPECT_EQ(run.status(), keeper_dies ? 137 : 143);
    int strangers = 0;
    for (const pid_t pid : outer.members()) {
      const auto stat = os::read_stat(pid);
      strangers += stat && stat->comm.view() == "sleep" ? 1 : 0;
    }
    EXPECT_EQ(strangers, 2) << outer.describe();
  }
}

TEST(RunStrangers, a_daemon_that_one_of_them_starts_later_is_spared_by_an_orderly_end) {
  Outer outer;
  RunSpec spec = shell("echo ready; exec sleep 31");
  // Its parent ends, and it comes to the face, which is the nearest subreaper.
  spec.wrapper = {"/bin/sh", "-c",
                  "(sleep 0.3; setsid sleep 40 & echo daemon) & sleep 0.05; exec \"$0\" \"$@\""};
  FaceRun run(outer, spec);
  ASSERT_THAT(run.read_until("daemon\n"), HasSubstr("daemon"));
  (void)os::poll_all({}, milliseconds(50));
  run.signal(SIGTERM);
  EXPECT_EQ(run.status(), 143);
  EXPECT_EQ(outer.members().size(), 1U) << outer.describe();
}

TEST(RunSignals, a_storm_of_them_is_no_sign_of_a_held_keeper) {
  Outer outer;
  FaceRun run(outer, {.program = "cat"});
  run.write("x\n");
  ASSERT_EQ(run.read_until("\n"), "x\n");
  const pid_t keeper = run.keeper_pid();
  const auto end = steady_clock::now() + milliseconds(1500);
  while (steady_clock::now() < end) run.signal(SIGWINCH);
  EXPECT_EQ(FaceRun::keeper_of(run.pid()), keeper);
  run.write("y\n");
  EXPECT_EQ(run.read_until("\n"), "y\n");
  run.close_input();
  EXPECT_EQ(run.status(), 0);
}

TEST(RunForeign, members_of_another_user_are_reported_and_not_waited_for) {
  HOLDFAST_NEEDS("root", ::getuid() == 0, "to make a setuid program");
  const std::string setuid = testing::TempDir() + "holdfast-rooted-" + random_hex(4);
  std::filesystem::copy_file(adversary_path("rooted"), setuid);
  ::chmod(setuid.c_str(), 04755);
  Outer outer;
  FaceRun run(outer, {.program = setuid, .wrapper = {"/usr/bin/setpriv", "--reuid=65534", "--clear-groups"}});
  const pid_t keeper = run.keeper_pid();
  const pid_t leader = FaceRun::first_child(keeper);
  const auto limit = steady_clock::now() + milliseconds(3000);
  while (os::real_uid(leader) != 0 && steady_clock::now() < limit) {
  }
  const bool works = os::real_uid(leader) == 0;
  run.close_input();
  HOLDFAST_NEEDS("setuid", works, "setuid programs do not work in " + testing::TempDir());
  EXPECT_EQ(run.status(), 125);
  EXPECT_THAT(run.errors(), HasSubstr("1 process of another user cannot be ended from here"));
  std::filesystem::remove(setuid);
}

}  // namespace
}  // namespace holdfast::test
