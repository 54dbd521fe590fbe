// What `holdfast run` is to its caller in the course of its life: status, descriptors, report, cost.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/ids.h"
#include "needs.h"
#include "os/cgroup.h"
#include "os/leaf_below.h"
#include "os/process.h"
#include "os/procfs.h"
#include "run_lab.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

RunSpec shell(const std::string& script) {
  return {.program = "sh", .arguments = {"-c", script}, .input = Input::null};
}

struct Scratch {  // a name for a file of the test's own
  std::string path = testing::TempDir() + "holdfast-run-" + random_hex(6);
  ~Scratch() { std::filesystem::remove(path); }
};

TEST(RunStatus, is_the_commands) {
  const struct {
    const char* script;
    int status;
  } cases[] = {{"exit 0", 0}, {"exit 7", 7}, {"exit 255", 255}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}};
  for (const auto& each : cases) {
    Outer outer;
    FaceRun run(outer, shell(each.script));
    EXPECT_EQ(run.status(), each.status) << each.script;
    EXPECT_EQ(run.errors(), "");
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

TEST(RunStatus, tells_a_command_that_is_not_there_from_one_that_cannot_be_executed) {
  const Scratch scratch;
  std::ofstream(scratch.path) << "no program";
  const struct {
    std::string program;
    int status;
    const char* text;
  } cases[] = {{"holdfast-no-such-command", 127, "No such file"},
               {"/nonexistent/program", 127, "No such file"},
               {"/etc/passwd/x", 127, "No such file"},
               {"/etc/passwd", 126, "Permission denied"},
               {"/etc", 126, "Permission denied"},
               {"", 127, "No such file"},
               {scratch.path, 126, "Permission denied"}};
  for (const auto& each : cases) {
    Outer outer;
    FaceRun run(outer, {.program = each.program});
    EXPECT_EQ(run.status(), each.status) << each.program;
    EXPECT_THAT(run.errors(), HasSubstr(each.text)) << each.program;
    EXPECT_TRUE(outer.members().empty()) << outer.describe();
  }
}

TEST(RunStatus, a_missing_interpreter_is_127_and_a_script_without_one_is_the_shells) {
  const Scratch scratch;
  Outer outer;
  std::ofstream(scratch.path) << "#!/nonexistent/interpreter\n";
  ::chmod(scratch.path.c_str(), 0755);
  FaceRun missing(outer, {.program = scratch.path});
  EXPECT_EQ(missing.status(), 127);
  std::ofstream(scratch.path) << "echo \"$1\"; exit 3\n";
  FaceRun script(outer, {.program = scratch.path, .arguments = {"a b"}});
  EXPECT_EQ(script.read_all(), "a b\n");
  EXPECT_EQ(script.status(), 3);
}

TEST(RunStatus, is_2_for_usage_and_says_what_is_wrong) {
  const struct {
    std::vector<std::string> options;
    const char* text;
  } cases[] = {{{"--stop", "eof=x"}, "--stop takes"},
               {{"--on-eof=maybe"}, "stop or ignore"},
               {{"--isolation=jail"}, "auto, tree, leaf or pidns"},
               {{"--limit=memory=0"}, "--limit takes"},
               {{"--limit=colour=red"}, "--limit takes"},
               {{"--for=0"}, "--for takes"},
               {{"--for"}, "--for takes"},
               {{"--no-such-option"}, "no such option"},
               {{"--report="}, "name of a file"},
               {{"--isolation=tree", "--limit=pids=5"}, "only be limited in a leaf"}};
  for (const auto& each : cases) {
    Outer outer;
    FaceRun run(outer, {.program = "true", .options = each.options});
    EXPECT_EQ(run.status(), 2) << each.text;
    EXPECT_THAT(run.errors(), HasSubstr(each.text));
  }
}

TEST(RunStatus, help_needs_nothing) {
  Outer outer;
  FaceRun run(outer, {.program = "x", .options = {"--help"}});
  const std::string text = run.read_all();
  for (const char* word :
       {"--stop", "--on-eof", "--for", "--isolation", "--limit", "--report", "Exit status"})
    EXPECT_THAT(text, HasSubstr(word));
  EXPECT_EQ(run.status(), 0);
}

TEST(RunStatus, is_124_when_its_time_is_over) {
  Outer outer;
  const auto begin = std::chrono::steady_clock::now();
  FaceRun deaf(outer, {.program = adversary_path("deaf"),
                       .options = {"--for=200ms", "--stop=term=150ms"},
                       .with_marker = true});
  EXPECT_EQ(deaf.status(), 124);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(350));
  EXPECT_TRUE(outer.members().empty()) << outer.describe();
  FaceRun quick(outer, {.program = "true", .options = {"--for=10s"}});
  EXPECT_EQ(quick.status(), 0);
}

TEST(RunStatus, works_without_a_double_dash_and_keeps_the_commands_own_options) {
  Outer outer;
  auto spec = shell("");
  spec.program = "echo";
  spec.arguments = {"--", "-n", "--for=1"};
  FaceRun run(outer, spec);
  EXPECT_EQ(run.read_all(), "-- -n --for=1\n");
  EXPECT_EQ(run.status(), 0);
}

TEST(RunDescriptors, megabytes_pass_through_untouched) {
  Outer outer;
  FaceRun run(outer, {.program = "cat"});
  std::string sent(8 << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 2654435761U >> 13);
  std::thread writer([&] {
    for (std::size_t at = 0; at < sent.size(); at += 65536) run.write(sent.substr(at, 65536));
    run.close_input();
  });
  const std::string got = run.read_all();
  writer.join();
  EXPECT_TRUE(got == sent) << got.size();
  EXPECT_EQ(run.status(), 0);
}

TEST(RunDescriptors, are_the_callers_own_and_nothing_else) {
  Outer outer;
  const Scratch scratch;
  const UniqueFd extra(::open(scratch.path.c_str(), O_CREAT | O_RDWR, 0600));
  auto spec = shell("echo fds:; ls /proc/self/fd; echo oops >&2");
  spec.more_fds = {extra.get()};
  FaceRun run(outer, spec);
  const std::string said = run.read_all();
  EXPECT_THAT(said, HasSubstr("\n0\n1\n2\n3\n"));  // 3: ls itself reads the directory
  EXPECT_THAT(said, testing::Not(HasSubstr("\n4\n")));
  EXPECT_EQ(run.errors(), "oops\n");
  EXPECT_EQ(run.status(), 0);
}

TEST(RunDescriptors, closed_ones_become_dev_null_and_never_something_of_ours) {
  Outer outer;
  const Scratch scratch;
  RunSpec spec{.program = "perl", .input = Input::none};
  spec.wrapper = {"/bin/sh", "-c", "exec \"$0\" \"$@\" <&- >&- 2>&-"};
  spec.arguments = {
      "-e", "open F, '>', '" + scratch.path + "'; print F readlink(\"/proc/$$/fd/$_\"), \"\\n\" for 0..2"};
  FaceRun run(outer, spec);
  EXPECT_EQ(run.status(), 0);
  EXPECT_EQ(slurp_file(scratch.path), "/dev/null\n/dev/null\n/dev/null\n");
}

TEST(RunDescriptors, nobody_of_ours_keeps_the_commands_output_open) {
  Outer outer;
  FaceRun run(outer, shell("exec >&- ; sleep 20"));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run.read_all(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(8000)) << "no end-of-file came";
  EXPECT_FALSE(run.end(milliseconds(50)));
  run.signal(SIGTERM);
  EXPECT_EQ(run.status(), 143);
}

TEST(RunReport, says_what_was_started_and_what_had_to_be_killed) {
  Outer outer;
  const Scratch scratch;
  FaceRun run(outer, {.program = adversary_path("deaf"),
                      .arguments = {"\"quoted\"\n", "\xff\xc3\xa9\xe2\x82"},
                      .options = {"--stop=eof=100ms,term=200ms", "--report", scratch.path},
                      .with_marker = true});
  ASSERT_TRUE(run.evil_within(milliseconds(10000)));
  const pid_t keeper = run.keeper_pid(), leader = FaceRun::first_child(keeper);
  run.close_input();
  EXPECT_EQ(run.status(), 137);
  const auto report = nlohmann::json::parse(slurp_file(scratch.path));
  EXPECT_EQ(report["command"][2], "\"quoted\"\n");
  EXPECT_EQ(report["command"][3], "\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(report["rung"], "tree");
  EXPECT_EQ(report["pid"], leader);
  EXPECT_EQ(report["keeper_pid"], keeper);
  EXPECT_EQ(report["ended_by"], "end_of_input");
  EXPECT_EQ(report["code"], nullptr);
  EXPECT_EQ(report["killed_by"], SIGKILL);
  EXPECT_EQ(report["exit_status"], 137);
  EXPECT_EQ(report["terminated"], 1);
  EXPECT_EQ(report["killed"], 1);
  EXPECT_EQ(report["left"], 0);
  EXPECT_EQ(report["keeper_lost"], false);
  EXPECT_EQ(report["error"], nullptr);
  EXPECT_THAT(report["started_at"].get<std::string>(), testing::MatchesRegex("20..-..-..T..:..:..\\....Z"));
  ASSERT_EQ(report["ladder"].size(), 3U);
  const char* steps[] = {"eof", "term", "kill"};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(report["ladder"][i]["step"], steps[i]);
  EXPECT_GE(report["ladder"][0]["took_ms"], 99);
  // The face may hear a moment late that a step is over; what the first took too long the second lacks.
  EXPECT_GE(report["ladder"][0]["took_ms"].get<int>() + report["ladder"][1]["took_ms"].get<int>(), 298);
}

TEST(RunReport, is_written_when_the_command_cannot_start_and_refused_early_when_it_cannot_be) {
  Outer outer;
  const Scratch scratch;
  FaceRun missing(outer, {.program = "/nonexistent/program", .options = {"--report=" + scratch.path}});
  EXPECT_EQ(missing.status(), 127);
  const auto report = nlohmann::json::parse(slurp_file(scratch.path));
  EXPECT_EQ(report["ended_by"], "start_failed");
  EXPECT_EQ(report["exit_status"], 127);
  EXPECT_THAT(report["error"].get<std::string>(), HasSubstr("/nonexistent/program"));
  FaceRun refused(outer,
                  {.program = "echo", .arguments = {"ran"}, .options = {"--report=/nonexistent/report"}});
  EXPECT_EQ(refused.read_all(), "") << "the command ran";
  EXPECT_EQ(refused.status(), 125);
}

TEST(RunReport, that_may_not_be_written_is_an_error_and_the_command_runs_all_the_same) {
  Outer outer;
  Scratch scratch;
  FaceRun run(outer, {.program = "sh",
                      .arguments = {"-c", "echo ran"},
                      .options = {"--report", scratch.path},
                      .input = Input::null,
                      .wrapper = {"/bin/sh", "-c", "ulimit -f 0; exec \"$@\"", "sh"}});
  EXPECT_EQ(run.read_all(), "ran\n");
  EXPECT_EQ(run.status(), 125) << "the signal for it would be 153";
  EXPECT_EQ(slurp_file(scratch.path), "");
}

TEST(RunCost, face_and_keeper_take_less_than_60_kb_of_anonymous_memory_each) {
  for (const TestRung rung : {TestRung::tree, TestRung::leaf}) {
    Outer outer;
    HOLDFAST_NEEDS("leaf", rung == TestRung::tree || !outer.cgroup().empty(), outer.why_no_cgroup());
    FaceRun run(outer, {.program = "cat", .rung = rung});
    run.write("x\n");
    ASSERT_EQ(run.read_until("\n"), "x\n");
    const pid_t keeper = run.keeper_pid();
    (void)os::poll_all({}, milliseconds(20));
    for (const pid_t pid : {run.pid(), keeper}) {
      const auto cost = os::pss_anon_bytes(pid);
      HOLDFAST_NEEDS("smaps", cost, "no right to read smaps_rollup: " + cost.error().message());
      EXPECT_LT(*cost, 60 * 1024) << (pid == keeper ? "keeper" : "face");
      RecordProperty(pid == keeper ? "keeper_kb" : "face_kb", static_cast<int>(*cost / 1024));
    }
    run.close_input();
    EXPECT_EQ(run.status(), 0);
  }
}

TEST(RunCost, nobody_asks_for_heap) {
  for (const char* adversary : {"deaf", "bomb", "leaderless", "handover", "polite"}) {
    for (const bool keeper_dies : {false, true}) {
      Outer outer;
      const Scratch scratch;
      FaceRun run(outer,
                  {.program = adversary_path(adversary),
                   .rung = outer.cgroup().empty() ? TestRung::tree : TestRung::leaf,
                   .options = {"--stop=eof=20ms,term=20ms", "--report=" + scratch.path, "--limit=files=100"},
                   .with_marker = true,
                   .keeper = "keeper-without-heap"});
      ASSERT_TRUE(run.evil_within(milliseconds(10000))) << run.errors();
      if (keeper_dies)
        FaceRun::kill(run.keeper_pid(), SIGKILL);
      else
        run.close_input();
      const auto end = run.end();
      ASSERT_TRUE(end);
      EXPECT_EQ(end->signal, 0) << run.errors();
      EXPECT_TRUE(outer.members().empty()) << outer.describe();
      EXPECT_TRUE(nlohmann::json::accept(slurp_file(scratch.path)));
    }
  }
}

TEST(RunLimits, files_are_each_processes_own) {
  Outer outer;
  auto spec = shell("ulimit -Sn; ulimit -Hn");
  spec.options = {"--limit=files=77"};
  FaceRun run(outer, spec);
  EXPECT_EQ(run.read_all(), "77\n77\n");
  EXPECT_EQ(run.status(), 0);
}

TEST(RunLimits, what_this_place_cannot_enforce_is_refused_and_nothing_runs) {
  Outer outer;
  HOLDFAST_NEEDS("no_memory_controller",
                 outer.cgroup().empty() || !std::filesystem::exists(outer.cgroup() + "/memory.max"),
                 "the memory controller is delegated here");
  FaceRun run(
      outer,
      {.program = "echo", .arguments = {"ran"}, .rung = TestRung::leaf, .options = {"--limit=memory=64M"}});
  EXPECT_EQ(run.read_all(), "");
  EXPECT_EQ(run.status(), 125);
  EXPECT_THAT(run.errors(), HasSubstr("no leaf with such a limit"));
  if (!outer.cgroup().empty()) {
    EXPECT_TRUE(os::list_cgroups(outer.cgroup(), "holdfast-run-").value().empty());
  }
}

TEST(RunLeaf, the_command_lives_in_a_leaf_that_goes_with_it) {
  Outer outer;
  HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
  for (const bool face_dies : {false, true}) {
    FaceRun run(outer, {.program = "cat", .rung = TestRung::leaf});
    run.write("x\n");
    ASSERT_EQ(run.read_until("\n"), "x\n");
    const pid_t leader = FaceRun::first_child(run.keeper_pid());
    const auto leaves = os::list_cgroups(outer.cgroup(), "holdfast-run-").value();
    ASSERT_EQ(leaves.size(), 1U);
    EXPECT_THAT(slurp_file("/proc/" + std::to_string(leader) + "/cgroup"), HasSubstr(leaves[0]));
    face_dies ? run.signal(SIGKILL) : run.close_input();
    EXPECT_EQ(run.status(), face_dies ? 137 : 0);
    const auto end = std::chrono::steady_clock::now() + milliseconds(10000);
    while (!os::list_cgroups(outer.cgroup(), "holdfast-run-").value().empty() &&
           std::chrono::steady_clock::now() < end) {
    }
    EXPECT_TRUE(os::list_cgroups(outer.cgroup(), "holdfast-run-").value().empty()) << face_dies;
  }
}

TEST(RunLeaf, what_a_double_death_left_is_ended_by_the_next_run_and_nobody_elses) {
  Outer outer;
  HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
  FaceRun lives(outer, {.program = "cat", .rung = TestRung::leaf});
  lives.write("x\n");
  ASSERT_EQ(lives.read_until("\n"), "x\n");
  FaceRun dies(outer, {.program = adversary_path("daemonize"), .rung = TestRung::leaf, .with_marker = true});
  ASSERT_TRUE(dies.evil_within(milliseconds(10000)));
  const auto keeper = os::PidFd::open(dies.keeper_pid()).value();
  // In one stroke: neither may act on the other's death.
  EXPECT_TRUE(keeper.signal(SIGSTOP).value());
  dies.signal(SIGSTOP);
  (void)os::poll_all({}, milliseconds(20));
  EXPECT_TRUE(keeper.signal(SIGKILL).value());
  dies.signal(SIGKILL);
  EXPECT_EQ(dies.status(), 137);
  EXPECT_EQ(os::list_cgroups(outer.cgroup(), "holdfast-run-").value().size(), 2U);
  FaceRun next(outer, {.program = "cat", .rung = TestRung::leaf});
  next.write("y\n");
  ASSERT_EQ(next.read_until("\n"), "y\n");
  const auto end = std::chrono::steady_clock::now() + milliseconds(10000);
  while (os::list_cgroups(outer.cgroup(), "holdfast-run-").value().size() > 2 &&
         std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(os::list_cgroups(outer.cgroup(), "holdfast-run-").value().size(), 2U);
  lives.write("z\n");
  EXPECT_EQ(lives.read_until("\n"), "z\n") << "a leaf in use was taken";
  next.close_input();
  lives.close_input();
  EXPECT_EQ(next.status(), 0);
  EXPECT_EQ(lives.status(), 0);
  EXPECT_TRUE(outer.empty_within(milliseconds(5000))) << outer.describe();
}

TEST(RunLeaf, a_leaf_that_was_required_is_refused_where_there_is_none) {
  HOLDFAST_NEEDS("root", ::getuid() == 0, "to become somebody without a cgroup");
  Outer outer;
  for (const bool required : {true, false}) {
    FaceRun run(outer, {.program = "echo",
                        .arguments = {"ran"},
                        .rung = required ? TestRung::leaf : TestRung::tree,
                        .options = {required ? "--isolation=leaf" : "--isolation=auto"},
                        .wrapper = {"/usr/bin/setpriv", "--reuid=65534", "--clear-groups"}});
    EXPECT_EQ(run.read_all(), required ? "" : "ran\n");
    EXPECT_EQ(run.status(), required ? 125 : 0) << run.errors();
  }
}

}  // namespace
}  // namespace holdfast::test
