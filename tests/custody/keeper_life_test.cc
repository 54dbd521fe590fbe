// What a keeper says and is in the course of its life, apart from hostile servers.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/ids.h"
#include "custody/keeper_protocol.h"
#include "custody/ladder.h"
#include "gone_file_system.h"
#include "keeper_run.h"
#include "needs.h"
#include "os/procfs.h"
#include "os/spawn.h"

namespace holdfast::test {
namespace {

using custody::KeeperMessage;
using custody::LadderEvent;
using custody::LadderState;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

const milliseconds kBound = patience(milliseconds(10000));

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string proc_file(pid_t pid, const std::string& name) {
  return slurp("/proc/" + std::to_string(pid) + "/" + name);
}

// The rungs that were entered, in order, as "eof(stop) term(deadline)".
std::string rungs_entered(const KeeperRun& run) {
  std::string text;
  for (const auto& message : run.heard()) {
    if (message.kind != KeeperMessage::stopping) continue;
    if (!text.empty()) text += " ";
    text += std::string(to_string(static_cast<LadderState>(message.a))) + "(" +
            std::string(to_string(static_cast<LadderEvent>(message.b))) + ")";
  }
  return text;
}

void expect_clean_end(Outer& outer, KeeperRun& run) {
  const auto end = run.keeper_end(kBound);
  ASSERT_TRUE(end) << outer.describe();
  EXPECT_EQ(end->signal, 0);
  EXPECT_EQ(end->code, 0);
  EXPECT_TRUE(run.expect(KeeperMessage::empty));
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST(KeeperLife, L16_a_polite_server_ends_by_end_of_file_alone) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("polite")});
  const auto started = run.expect(KeeperMessage::started);
  ASSERT_TRUE(started);
  EXPECT_EQ(os::read_stat(static_cast<pid_t>(started->a)).value().start_ticks,
            static_cast<std::uint64_t>(started->b));
  run.stop(5000, 5000);
  expect_clean_end(outer, run);
  // stdin closes before the word to stop is sent, so a quick server may be gone before the keeper reads it.
  EXPECT_THAT(rungs_entered(run), testing::AnyOf("eof(stop)", ""));
  EXPECT_EQ(run.expect(KeeperMessage::leader_exited)->a, 0);
  EXPECT_EQ(run.expect(KeeperMessage::empty)->a, 0);
  EXPECT_EQ(run.expect(KeeperMessage::empty)->b, 0);
}

void expect_no_server(Outer& outer, KeeperRun& run) {
  const auto end = run.keeper_end(kBound);
  ASSERT_TRUE(end) << outer.describe();
  EXPECT_EQ(end->code, 125);
  EXPECT_FALSE(run.expect(KeeperMessage::started));
  EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
}

TEST(KeeperLife, I7_nothing_is_started_for_a_gateway_that_died) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("deaf"), .with_marker = true, .dead_gateway = true});
  expect_no_server(outer, run);
  EXPECT_FALSE(run.evil_within(milliseconds(0)));
}

TEST(KeeperLife, I7_an_init_that_hangs_ends_with_the_gateway) {
  const GoneFileSystem gone(GoneFileSystem::Sleep::killable);
  HOLDFAST_NEEDS("fuse", gone, gone.why_not());
  Outer outer;
  const auto absent = why_not_offered(TestRung::pidns, outer);
  HOLDFAST_NEEDS("pidns", absent.empty(), absent);
  KeeperRun run(outer, {.program = gone.path() + "/tool", .rung = TestRung::pidns});
  EXPECT_FALSE(run.keeper_end(milliseconds(100))) << "it did not hang, so this says nothing";
  run.kill_gateway();
  expect_no_server(outer, run);
}

TEST(KeeperLife, L16_a_deaf_server_gets_its_graces_and_then_the_end) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
  const auto begin = steady_clock::now();
  run.stop(150, 250);
  expect_clean_end(outer, run);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(400));
  EXPECT_EQ(rungs_entered(run), "eof(stop) term(deadline) kill(deadline)");
  EXPECT_EQ(run.expect(KeeperMessage::leader_exited)->b, SIGKILL);
  EXPECT_EQ(run.expect(KeeperMessage::empty)->a, 1);
  EXPECT_EQ(run.expect(KeeperMessage::empty)->b, 1);
}

TEST(KeeperLife, a_dead_gateway_skips_the_wait_for_end_of_file) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("deaf"), .with_marker = true, .lost = 200});
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
  const auto begin = steady_clock::now();
  run.kill_gateway();
  const auto end = run.keeper_end(kBound);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(200));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(4000)) << "the full ladder takes 5 s";
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST(KeeperLife, a_server_that_ends_by_itself_ends_the_tree) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("polite")});
  run.close_stdin();
  expect_clean_end(outer, run);
  EXPECT_EQ(rungs_entered(run), "");
  EXPECT_EQ(run.expect(KeeperMessage::leader_exited)->c, 0);
}

TEST(KeeperLife, a_leader_that_fails_retires_what_it_left_without_waiting_for_end_of_file) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("pipe_holder"), .arguments = {"now"}, .with_marker = true});
  const auto exited = run.expect(KeeperMessage::leader_exited);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->a, 3);
  EXPECT_EQ(exited->c, 0);
  expect_clean_end(outer, run);
  EXPECT_EQ(rungs_entered(run), "term(leader_left) kill(deadline)");
}

TEST(KeeperLife, a_wrappers_heir_is_served_on) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("handover"), .with_marker = true});
  const auto exited = run.expect(KeeperMessage::leader_exited);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->c, 1);
  char answer[6] = {};
  ASSERT_EQ(::write(run.stdin_fd(), "hello", 5), 5);
  ASSERT_EQ(::read(run.stdout_fd(), answer, 5), 5);
  EXPECT_STREQ(answer, "hello");
  run.stop(5000, 5000);
  expect_clean_end(outer, run);
  // As quick as the polite one: it may be gone before the keeper reads the word to stop.
  EXPECT_THAT(rungs_entered(run), testing::AnyOf("eof(stop)", ""));
  EXPECT_EQ(run.expect(KeeperMessage::empty)->a, 0);
  EXPECT_EQ(run.expect(KeeperMessage::empty)->b, 0);
}

TEST(KeeperLife, a_wrapper_that_failed_hands_nothing_over) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("handover"), .arguments = {"1"}, .with_marker = true});
  const auto exited = run.expect(KeeperMessage::leader_exited);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->a, 1);
  EXPECT_EQ(exited->c, 0);
  expect_clean_end(outer, run);
  EXPECT_EQ(rungs_entered(run), "term(leader_left)");
}

TEST(KeeperLife, a_program_that_cannot_be_executed_is_reported_with_errno_and_step) {
  const std::string garbage = testing::TempDir() + "holdfast-garbage-" + random_hex(4);
  std::ofstream(garbage) << "no program";
  ::chmod(garbage.c_str(), 0700);
  const struct {
    std::string program;
    int error;
    std::int64_t step;
  } cases[] = {{"/nonexistent/program", ENOENT, custody::kStepLookUp},
               {"no-such-program", ENOENT, custody::kStepLookUp},
               {"/etc/passwd", EACCES, custody::kStepLookUp},
               {garbage, ENOEXEC, static_cast<std::int64_t>(os::SpawnStep::execve)}};
  for (const auto& each : cases) {
    Outer outer;
    KeeperRun run(outer, {.program = each.program});
    const auto failed = run.expect(KeeperMessage::spawn_failed);
    ASSERT_TRUE(failed) << each.program;
    EXPECT_EQ(failed->a, each.error);
    EXPECT_EQ(failed->b, each.step);
    const auto end = run.keeper_end(kBound);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->code, 125);
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
  std::filesystem::remove(garbage);
}

TEST(KeeperLife, nobody_who_looks_for_the_server_finds_the_keeper) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
  // It lets go right after it has said `started`; its descriptors are the last to be asked for.
  const auto begin = steady_clock::now();
  std::string title = "holdfast-keeper test";
  title.push_back('\0');
  while (proc_file(run.keeper_pid(), "cmdline") != title && steady_clock::now() - begin < kBound) {
  }
  EXPECT_EQ(proc_file(run.keeper_pid(), "cmdline"), title);
  EXPECT_EQ(proc_file(run.keeper_pid(), "comm"), "holdfast-keeper\n");
  EXPECT_EQ(proc_file(run.keeper_pid(), "environ").find("HOLDFAST"), std::string::npos);
  EXPECT_EQ(proc_file(run.keeper_pid(), "exe").find("deaf"), std::string::npos);
  const auto stat = os::read_stat(run.keeper_pid());
  EXPECT_EQ(stat->session, run.keeper_pid()) << "a session of its own";
  const auto null = os::stat_descriptor(run.keeper_pid(), 0);
  ASSERT_TRUE(null) << null.error().message();
  EXPECT_TRUE(S_ISCHR(null->st_mode)) << "still holds the server's stdin";
  run.stop(0, 0);
  expect_clean_end(outer, run);
}

TEST(KeeperLife, polite_signals_do_not_end_a_keeper) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("polite"), .with_marker = true});
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
  const auto keeper = os::PidFd::open(run.keeper_pid()).value();
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGALRM})
    EXPECT_TRUE(keeper.signal(number).value());
  run.stop(5000, 5000);
  expect_clean_end(outer, run);
}

// The first living member of this name; waits for it up to 10 s.
pid_t member_called(const Outer& outer, std::string_view comm) {
  const auto end = steady_clock::now() + kBound;
  do {
    for (const pid_t pid : outer.members()) {
      const auto stat = os::read_stat(pid);
      if (stat && stat->comm.view() == comm) return pid;
    }
  } while (steady_clock::now() < end);
  return 0;
}

TEST(KeeperLife, a_stopped_keeper_wakes_when_its_gateway_dies) {
  Outer outer;
  const pid_t gateway = ::fork();
  if (gateway == 0) {  // the keeper's true parent, for once
    KeeperRun run(outer, {.program = adversary_path("deaf")});
    for (;;) ::pause();
  }
  const pid_t server = member_called(outer, "deaf"), keeper_pid = member_called(outer, "holdfast-keeper");
  ASSERT_NE(server, 0) << outer.describe();
  ASSERT_NE(keeper_pid, 0) << outer.describe();
  const auto keeper = os::PidFd::open(keeper_pid).value();
  EXPECT_TRUE(keeper.signal(SIGSTOP).value());
  const auto end = steady_clock::now() + kBound;
  while (os::read_stat(keeper_pid)->state != 'T' && steady_clock::now() < end) {
  }
  EXPECT_TRUE(os::PidFd::open(gateway).value().signal(SIGKILL).value());
  (void)os::PidFd::open(member_called(outer, "sleep")).value().signal(SIGKILL);  // the pidfd's process
  EXPECT_TRUE(outer.empty_within(kBound)) << outer.describe();
  EXPECT_TRUE(keeper.exited());
}

TEST(KeeperLife, costs_less_than_100_kb_of_private_memory) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("bomb"), .with_marker = true});
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
  const auto idle = os::pss_anon_bytes(run.keeper_pid());
  HOLDFAST_NEEDS("smaps", idle, "no right to read smaps_rollup: " + idle.error().message());
  EXPECT_LT(*idle, 100 * 1024);
  RecordProperty("pss_anon_kb", static_cast<int>(*idle / 1024));
  run.stop(0, 0);
  expect_clean_end(outer, run);
}

TEST(KeeperLife, lives_and_kills_without_heap) {
  for (const char* adversary : {"deaf", "bomb", "leaderless", "handover"}) {
    Outer outer;
    KeeperRun run(outer, {.program = adversary_path(adversary),
                          .rung = outer.cgroup().empty() ? TestRung::tree : TestRung::leaf,
                          .keeper = program_path("keeper-without-heap"),
                          .with_marker = true});
    ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
    run.stop(20, 20);
    expect_clean_end(outer, run);
  }
}

TEST(KeeperLife, a_member_traced_from_outside_does_not_hold_the_keeper) {
  Outer outer;
  KeeperRun run(outer, {.program = adversary_path("deaf"), .with_marker = true});
  const auto started = run.expect(KeeperMessage::started);
  ASSERT_TRUE(started);
  ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
  const auto leader = static_cast<pid_t>(started->a);
  const bool traced = ::ptrace(PTRACE_SEIZE, leader, nullptr, nullptr) == 0;
  HOLDFAST_NEEDS("ptrace", traced, "no right to trace: " + std::generic_category().message(errno));
  run.stop(20, 20);
  // The dead leader stays a zombie until its tracer, this process, waits for it.
  expect_clean_end(outer, run);
  EXPECT_EQ(run.expect(KeeperMessage::leader_exited)->b, SIGKILL);
  ::waitpid(leader, nullptr, __WALL);
}

TEST(KeeperLife, a_poisoned_leaf_is_reported_and_survived) {
  Outer outer;
  HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
  for (const char* way : {"clone", "procs"}) {
    KeeperRun run(outer, {.program = adversary_path("polite"),
                          .rung = TestRung::leaf,
                          .leaf_way = way,
                          .with_marker = true,
                          .poison_leaf = true});
    const auto started = run.expect(KeeperMessage::started);
    ASSERT_TRUE(started);
    RecordProperty(way, started->c != 0);
    if (std::string_view(way) == "procs") EXPECT_EQ(started->c, 0);
    ASSERT_NO_FATAL_FAILURE(run.wait_for_evil());
    EXPECT_TRUE(run.leaf().populated().value());
    run.stop(5000, 5000);
    expect_clean_end(outer, run);
  }
}

// A setuid program, which keepers of user 65534 cannot signal.
class Rooted {
 public:
  Rooted() {
    std::filesystem::copy_file(adversary_path("rooted"), path);
    ::chmod(path.c_str(), 04755);
  }
  ~Rooted() { std::filesystem::remove(path); }
  const std::string path = testing::TempDir() + "holdfast-rooted-" + random_hex(4);
};

TEST(KeeperLife, L31_a_member_of_another_user_is_reported_and_never_given_up_while_the_gateway_lives) {
  HOLDFAST_NEEDS("root", ::getuid() == 0, "to make a setuid program");
  const Rooted rooted;
  Outer outer;
  KeeperRun run(outer, {.program = rooted.path, .with_marker = true, .patience = 300, .uid = "65534"});
  ASSERT_TRUE(run.expect(KeeperMessage::started));
  HOLDFAST_NEEDS("setuid", run.evil_within(milliseconds(3000)),
                 "setuid programs do not work in " + testing::TempDir());
  run.stop(10, 10);
  const auto unkillable = run.expect(KeeperMessage::unkillable);
  ASSERT_TRUE(unkillable);
  EXPECT_EQ(unkillable->a, 1);
  EXPECT_EQ(unkillable->b, 1);
  EXPECT_FALSE(run.keeper_end(milliseconds(800))) << "gave up although somebody was left to tell";
  run.kill_gateway();
  const auto end = run.keeper_end(kBound);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 1) << "not empty, and says so";
  outer.kill_all();
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
}

TEST(KeeperLife, L31_a_member_of_another_user_dies_with_its_leaf) {
  HOLDFAST_NEEDS("root", ::getuid() == 0, "to make a setuid program");
  const Rooted rooted;
  Outer outer;
  HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
  HOLDFAST_NEEDS("cgroup.kill", std::filesystem::exists(outer.cgroup() + "/cgroup.kill"), "Linux 5.14");
  KeeperRun run(
      outer,
      {.program = rooted.path, .rung = TestRung::leaf, .with_marker = true, .patience = 300, .uid = "65534"});
  ASSERT_TRUE(run.expect(KeeperMessage::started));
  HOLDFAST_NEEDS("setuid", run.evil_within(milliseconds(3000)),
                 "setuid programs do not work in " + testing::TempDir());
  run.stop(10, 10);
  ASSERT_NO_FATAL_FAILURE(expect_clean_end(outer, run));
}

}  // namespace
}  // namespace holdfast::test
