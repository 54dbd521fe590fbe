// The custodian with real keepers and real servers; what counts is what /proc says afterwards.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "base/log.h"
#include "custody/places.h"
#include "gone_file_system.h"
#include "needs.h"
#include "on_rung.h"
#include "os/cgroup.h"
#include "os/pidfd.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/spawn.h"
#include "outer.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr const char* kPolite = "exec cat";
constexpr const char* kDeaf = "trap '' TERM HUP INT; while :; do sleep 1000; done";
constexpr const char* kDaemonize = "(setsid sh -c 'sleep 1000 & exec sleep 1000' <&- >&- 2>&- &); exec cat";

INSTANTIATE_TEST_SUITE_P(Rungs, OnRung, ::testing::Values(Rung::tree, Rung::leaf, Rung::pidns),
                         [](const auto& info) { return std::string(to_string(info.param)); });
class OnLeaf : public OnRung {};
INSTANTIATE_TEST_SUITE_P(Rungs, OnLeaf, ::testing::Values(Rung::leaf),
                         [](const auto&) { return std::string("leaf"); });

std::string read_all(int fd) {
  std::string text(4096, '\0');
  const auto n = ::read(fd, text.data(), text.size());
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

TEST_P(OnRung, a_server_runs_and_stops_politely) {
  const auto tree = lab.start(lab.script(kPolite));
  EXPECT_EQ(tree->state(), TreeState::active);
  EXPECT_EQ(tree->rung(), GetParam());
  EXPECT_TRUE(alive(tree->leader_pid()));
  EXPECT_EQ(lab.ledger_files(), std::vector{tree->id()});
  EXPECT_EQ(tree->members(), std::vector{tree->leader_pid()});
  ASSERT_EQ(::write(tree->stdin_fd(), "hello\n", 6), 6);
  std::string got;
  EXPECT_TRUE(lab.until([&] { return (got += read_all(tree->stdout_fd())) == "hello\n"; }));
  std::optional<Ending> ending;
  tree->watch(
      {.before_stop = {}, .leader_exited = {}, .retiring = {}, .gone = [&](const Ending& e) { ending = e; }});
  EXPECT_TRUE(stop(tree));
  ASSERT_TRUE(ending);
  EXPECT_TRUE(ending->polite);
  ASSERT_TRUE(ending->leader);
  EXPECT_TRUE(ending->leader->success());
  EXPECT_EQ(tree->state(), TreeState::gone);
  EXPECT_TRUE(lab.nothing_left());
  EXPECT_EQ(tree->stdin_fd(), -1);
  EXPECT_EQ(tree->stdout_fd(), -1);
  EXPECT_TRUE(lab.custodian->trees().empty());
}

TEST_P(OnRung, L17_a_deaf_server_dies_after_both_graces_and_not_before) {
  const auto tree = lab.start(lab.script(kDeaf));
  const auto began = steady_clock::now();
  EXPECT_TRUE(stop(tree));
  EXPECT_GE(steady_clock::now() - began, 600ms);
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L15_a_daemonized_helper_goes_with_its_server) {
  const auto tree = lab.start(lab.script(kDaemonize));
  EXPECT_TRUE(lab.until([&] { return lab.survivors().size() >= 3; }));
  // The shell in between is on its way out yet: two counts of one moment agree.
  EXPECT_TRUE(lab.until([&] { return tree->members().size() == lab.survivors().size(); }));
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L28_a_killed_keeper_takes_its_whole_tree_along) {
  const auto tree = lab.start(lab.script(kDaemonize));
  const auto sibling = lab.start(lab.script(kPolite, "sibling"));
  EXPECT_TRUE(lab.until([&] { return lab.survivors().size() >= 4; }));
  bool retiring = false;
  std::optional<Ending> ending;
  tree->watch({.before_stop = {},
               .leader_exited = {},
               .retiring = [&] { retiring = true; },
               .gone = [&](const Ending& e) { ending = e; }});
  (void)os::PidFd::open(tree->keeper_pid())->signal(SIGKILL);
  EXPECT_TRUE(lab.until([&] { return ending.has_value(); }));
  EXPECT_TRUE(retiring);
  EXPECT_EQ(lab.survivors(), std::vector{sibling->leader_pid()});
  EXPECT_LT(ending->took, 250ms) << "no grace";
  EXPECT_EQ(sibling->state(), TreeState::active);
}

TEST_P(OnRung, what_was_lent_stays_open_until_the_watcher_has_been_told) {
  const auto tree = lab.start(lab.script(kPolite));
  const std::array lent{tree->stdin_fd(), tree->stdout_fd(), tree->stderr_fd()};
  std::optional<std::array<int, 3>> told;
  tree->watch({.before_stop = {}, .leader_exited = {}, .retiring = {}, .gone = [&](const Ending&) {
                 told = {tree->stdin_fd(), tree->stdout_fd(), tree->stderr_fd()};
               }});
  (void)os::PidFd::open(tree->keeper_pid())->signal(SIGKILL);  // so nothing is asked before its stop
  EXPECT_TRUE(lab.until([&] { return told.has_value(); }));
  EXPECT_EQ(*told, lent);
  EXPECT_EQ(tree->stdin_fd(), -1);
  EXPECT_EQ(tree->stdout_fd(), -1);
}

TEST_P(OnRung, a_stopped_keeper_is_continued_and_its_tree_still_ends) {
  const auto tree = lab.start(lab.script(kDeaf));
  (void)os::PidFd::open(tree->keeper_pid())->signal(SIGSTOP);
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, a_keeper_that_is_stopped_again_and_again_is_replaced) {
  const auto tree = lab.start(lab.script(kPolite));
  const auto keeper = os::PidFd::open(tree->keeper_pid());
  EXPECT_TRUE(lab.until([&] {
    (void)keeper->signal(SIGSTOP);
    return tree->state() == TreeState::gone;
  }));
  EXPECT_TRUE(lab.nothing_left());
}

// Somebody stops every child of ours as soon as it is there, mostly before it executes: a vfork, which holds
// the worker. Whom nobody continues he does, so that the test has an end.
TEST_P(OnRung, a_newborn_that_is_stopped_holds_nobody_up) {
  std::atomic<int> stopped = 0, held_up = 0;
  std::jthread stopper([&](const std::stop_token& over) {
    const auto limit = test::patience(10s) / 2;
    std::map<pid_t, steady_clock::time_point> seen;
    while (!over.stop_requested())
      (void)os::for_each_child(::getpid(), [&](pid_t child) {
        const auto [since, newborn] = seen.try_emplace(child, steady_clock::now());
        const auto handle = os::PidFd::open(child);
        if (handle && newborn && handle->signal(SIGSTOP)) ++stopped;
        if (!handle || steady_clock::now() < since->second + limit) return;
        if (const auto stat = os::read_stat(child); !stat || stat->state != 'T') return;
        ++held_up;
        (void)handle->signal(SIGCONT);
      });
  });
  for (int started = 0; stopped < 20 && held_up == 0; ++started) {
    ASSERT_LT(started, 200) << "only " << stopped << " were stopped";
    const auto tree = lab.start(lab.script(kPolite));
    ASSERT_TRUE(tree);
    EXPECT_TRUE(stop(tree));
  }
  stopper.request_stop();
  stopper.join();
  EXPECT_EQ(held_up, 0);
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, exec_errors_come_at_once_with_their_reason) {
  const auto began = steady_clock::now();
  auto missing = lab.run(lab.custodian->start(lab.program("npxx")));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(),
              ::testing::HasSubstr("npxx: not found in PATH (/usr/local/bin:/usr/bin:/bin)"));
  auto spec = lab.program("npxx");
  spec.command.environment.front() = "PATH=/usr/bin";
  for (int i = 0; i < 30; ++i) spec.command.environment.front() += ":/opt/tool-" + std::to_string(i) + "/bin";
  auto far = lab.run(lab.custodian->start(std::move(spec)));
  ASSERT_FALSE(far);
  EXPECT_THAT(far.error().message(), ::testing::HasSubstr("PATH (/usr/bin:/opt/tool-0/bin:"));
  EXPECT_THAT(far.error().message(), ::testing::HasSubstr("/bin:…)"));  // whole entries
  const auto script = lab.state / "broken";
  std::ofstream(script) << "#!/no/such/interpreter\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  auto broken = lab.run(lab.custodian->start(lab.program(script.native())));
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().is_errno(ENOENT)) << broken.error().message();
  EXPECT_THAT(broken.error().message(), ::testing::HasSubstr(script.native()));
  auto nowhere = lab.script(kPolite);
  nowhere.command.cwd = "/no/such/directory";
  auto lost = lab.run(lab.custodian->start(nowhere));
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message(), ::testing::HasSubstr("/no/such/directory"));
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_TRUE(lab.nothing_left());
  EXPECT_TRUE(lab.custodian->trees().empty());
}

TEST_P(OnRung, a_server_that_ends_at_once_is_started_and_tells_its_watcher) {
  const auto tree = lab.start(lab.script("echo out; exit 3"));
  ASSERT_TRUE(tree);
  lab.until([&] { return tree->state() == TreeState::gone; });
  std::optional<ExitStatus> leader;
  std::string output;
  bool gone = false;
  tree->watch({.before_stop = {},
               .leader_exited = [&](ExitStatus status, bool) { leader = status; },
               .retiring = {},
               .gone =
                   [&](const Ending&) {
                     output = read_all(tree->stdout_fd());
                     gone = true;
                   }});
  EXPECT_TRUE(lab.until([&] { return gone; }));
  ASSERT_TRUE(leader);
  EXPECT_EQ(leader->code, 3);
  EXPECT_EQ(output, "out\n");
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L13_members_of_a_leader_that_left_are_retired) {
  // The leader leaves only when its child has let go of our pipes: until then it would be served on.
  const auto ready = (lab.state / "ready").native();
  const auto tree = lab.start(lab.script("(trap '' TERM; : >" + ready +
                                         "; exec sleep 1000) </dev/null >/dev/null 2>&1 & "
                                         "while [ ! -e " +
                                         ready + " ]; do sleep 0.01; done; exit 0"));
  EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  EXPECT_TRUE(lab.nothing_left());
}

// State D is as good as it gets at not dying.
TEST_P(OnRung, a_tree_called_unkillable_is_still_watched_and_buried) {
  std::optional<test::GoneFileSystem> stuck(test::GoneFileSystem::Sleep::uninterruptible);
  HOLDFAST_NEEDS("fuse", *stuck, stuck->why_not());
  Lab hasty(GetParam() == Rung::leaf, 300ms);
  const auto tree = hasty.start(hasty.script("([ -e " + stuck->path() + "/x ]) & exec cat"));
  ASSERT_TRUE(stuck->await_sleeper());
  const auto sibling = hasty.start(hasty.script(kPolite, "sibling"));
  bool gone = false;
  tree->watch(
      {.before_stop = {}, .leader_exited = {}, .retiring = {}, .gone = [&](const Ending&) { gone = true; }});
  EXPECT_FALSE(hasty.run(hasty.custodian->stop(tree, "test")));
  EXPECT_EQ(tree->state(), TreeState::unkillable);
  EXPECT_FALSE(gone);
  EXPECT_EQ(hasty.survivors().size(), 2U);
  EXPECT_THAT(hasty.ledger_files(), ::testing::Contains(tree->id()));
  EXPECT_EQ(hasty.custodian->sweep_dry_run().unkillable, std::vector{tree->id()});
  EXPECT_EQ(hasty.run(hasty.custodian->sweep()).unkillable, std::vector{tree->id()});
  EXPECT_TRUE(hasty.run(hasty.custodian->stop(sibling, "test")));
  stuck.reset();
  EXPECT_TRUE(hasty.until([&] { return gone; }));
  EXPECT_TRUE(hasty.nothing_left());
}

TEST_P(OnRung, sweep_reaps_orphans_only) {
  const auto active = lab.start(lab.script(kPolite, "active"));
  const auto orphan = lab.start(lab.script(kPolite, "orphan"));
  orphan->orphan("test");
  EXPECT_EQ(lab.custodian->sweep_dry_run().reaped, std::vector{orphan->id()});
  EXPECT_TRUE(alive(orphan->leader_pid()));
  const auto report = lab.run(lab.custodian->sweep());
  EXPECT_EQ(report.examined, 2);
  EXPECT_EQ(report.reaped, std::vector{orphan->id()});
  EXPECT_FALSE(alive(orphan->leader_pid()));
  EXPECT_TRUE(alive(active->leader_pid()));
  EXPECT_EQ(active->state(), TreeState::active);
  EXPECT_EQ(lab.survivors().size(), 1U);
}

TEST_P(OnRung, a_dry_sweep_says_what_a_sweep_says_of_what_is_stopping_already) {
  const auto tree = lab.start(lab.script(kDeaf));
  std::optional<bool> gone;
  TaskGroup group(lab.loop.get_executor());
  group.spawn("stop",
              [](Custodian& custodian, std::shared_ptr<Tree> which,
                 std::optional<bool>& result) -> asio::awaitable<void> {
                result = co_await custodian.stop(std::move(which), "test");
              }(*lab.custodian, tree, gone));
  ASSERT_TRUE(lab.until([&] { return tree->state() == TreeState::stopping; }));
  const auto dry = lab.custodian->sweep_dry_run();
  EXPECT_EQ(dry.reaped, std::vector{tree->id()});
  EXPECT_EQ(lab.run(lab.custodian->sweep()).reaped, dry.reaped);
  EXPECT_TRUE(lab.until([&] { return gone.has_value(); }));
}

TEST_P(OnRung, sweep_with_include_active_reaps_all) {
  const auto active = lab.start(lab.script(kDeaf, "active"));
  const auto orphan = lab.start(lab.script(kDaemonize, "orphan"));
  orphan->orphan("test");
  const auto report = lab.run(lab.custodian->shutdown());
  EXPECT_EQ(report.reaped.size(), 2U);
  EXPECT_TRUE(lab.nothing_left());
  auto refused = lab.run(lab.custodian->start(lab.script(kPolite)));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::closed));
}

TEST_P(OnRung, before_stop_runs_before_stdin_closes_and_is_bounded) {
  const auto tree = lab.start(lab.script(kPolite));
  bool open_then = false;
  auto never = [&](steady_clock::time_point) -> asio::awaitable<void> {
    open_then = tree->stdin_fd() >= 0;
    (void)co_await sleep_until(steady_clock::now() + 1h);
  };
  tree->watch({.before_stop = never, .leader_exited = {}, .retiring = {}, .gone = {}});
  const auto began = steady_clock::now();
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(open_then);
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, two_who_stop_wait_for_the_same_ladder) {
  const auto tree = lab.start(lab.script(kDeaf));
  std::vector<bool> answers;
  auto ask = [](Custodian& custodian, std::shared_ptr<Tree> t,
                std::vector<bool>& out) -> asio::awaitable<void> {
    out.push_back(co_await custodian.stop(std::move(t), "test"));
  };
  TaskGroup group(lab.loop.get_executor());
  group.spawn("a", ask(*lab.custodian, tree, answers));
  group.spawn("b", ask(*lab.custodian, tree, answers));
  EXPECT_TRUE(lab.until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers, (std::vector{true, true}));
}

TEST_P(OnRung, L17_fifty_deaf_servers_stop_in_one_ladders_time) {
  for (int i = 0; i < 50; ++i) lab.start(lab.script(kDeaf));
  EXPECT_EQ(lab.custodian->trees().size(), 50U);
  const auto began = steady_clock::now();
  const auto report = lab.run(lab.custodian->shutdown());
  EXPECT_EQ(report.reaped.size(), 50U);
  EXPECT_LT(steady_clock::now() - began, 6s) << "one after the other would take 30 s";
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L24_descriptors_stay_flat_over_two_hundred_starts) {
  stop(lab.start(lab.script("exec cat")));
  const int before = open_descriptors();
  for (int i = 0; i < 200; ++i) {
    const auto tree = lab.start(lab.program("/bin/cat"));
    tree->watch({});
    ASSERT_TRUE(stop(tree));
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_TRUE(lab.nothing_left());
  EXPECT_EQ(lab.custodian->totals().reaped, lab.custodian->totals().started);
}

TEST_P(OnRung, L20_nobody_who_died_is_left_a_zombie) {
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20; ++i) lab.start(lab.program("/bin/cat"))->orphan("test");
    EXPECT_EQ(lab.run(lab.custodian->sweep()).reaped.size(), 20U);
  }
  int children = 0;
  (void)os::for_each_child(::getpid(), [&](pid_t) { ++children; });
  EXPECT_EQ(children, 0);
}

TEST_P(OnRung, L4_a_start_cancelled_at_any_moment_leaves_nothing) {
  for (int i = 0; i < 30; ++i) {
    TaskGroup group(lab.loop.get_executor());
    auto begin = [](Custodian& c, TreeSpec spec) -> asio::awaitable<void> {
      (void)co_await c.start(std::move(spec));
    };
    group.spawn("start", begin(*lab.custodian, lab.script(kDeaf)));
    for (int steps = 0; steps < i; ++steps) {
      lab.loop.restart();
      lab.loop.run_one_for(2ms);
    }
    group.cancel();
    lab.until([&] { return group.running() == 0; });
  }
  for (const auto& tree : lab.custodian->trees())  // the fast ones were started, and nobody holds them
    if (tree->state() == TreeState::active) tree->orphan("test");
  (void)lab.run(lab.custodian->sweep());
  EXPECT_TRUE(lab.until([&] { return lab.custodian->trees().empty(); }));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L26_when_the_gateway_is_gone_the_keepers_end_their_trees) {
  lab.start(lab.script(kDaemonize));
  lab.start(lab.script(kDeaf));
  lab.until([&] { return lab.survivors().size() >= 5; });
  lab.reopen();
  EXPECT_TRUE(lab.until([&] { return lab.survivors().empty(); }));
  const auto report = lab.run(lab.custodian->recover());
  EXPECT_TRUE(report.unverified.empty());
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, a_full_disk_fails_the_start_cleanly) {
  // The ledger's directory cannot take a file.
  const auto ledger = lab.state / "ledger";
  std::filesystem::remove_all(ledger);
  std::ofstream(ledger) << "a file";
  auto tree = lab.run(lab.custodian->start(lab.script(kPolite)));
  EXPECT_FALSE(tree);
  EXPECT_TRUE(lab.survivors().empty());
  EXPECT_TRUE(lab.leaves().empty());
  std::filesystem::remove(ledger);
  std::filesystem::create_directory(ledger);
}

TEST_P(OnRung, L40_a_decoy_with_the_same_command_line_survives_everything) {
  std::string name = "sleep", argument = "1001";
  char* argv[] = {name.data(), argument.data(), nullptr};
  char* envp[] = {nullptr};
  const auto decoy = os::spawn({.path = "/bin/sleep", .argv = argv, .envp = envp, .fds = {}});
  ASSERT_TRUE(decoy);
  const auto first = lab.start(lab.program("/bin/sleep", {"1001"}));
  const auto second = lab.start(lab.program("/bin/sleep", {"1001"}));
  (void)os::PidFd::open(first->keeper_pid())->signal(SIGKILL);
  EXPECT_TRUE(lab.until([&] { return first->state() == TreeState::gone; }));
  EXPECT_TRUE(stop(second));
  (void)lab.run(lab.custodian->sweep());
  EXPECT_TRUE(lab.survivors().empty());
  EXPECT_FALSE(decoy->exited());
  (void)decoy->signal(SIGKILL);
  EXPECT_TRUE(lab.until([&] { return os::wait_child(decoy->pid())->pid != 0; }));
}

TEST_P(OnLeaf, a_tidied_away_directory_of_leaves_is_made_again) {
  const std::string& id = lab.custodian->gateway_id();
  std::filesystem::remove(leaf_parent_of(*home_cgroup(id), id));
  const auto tree = lab.start(lab.script(kPolite));
  ASSERT_TRUE(tree);
  EXPECT_TRUE(stop(tree));
}

TEST_P(OnRung, a_loop_that_is_never_run_again_ends_in_order) {
  asio::io_context loop;
  const auto state = lab.state / "second";
  std::filesystem::create_directory(state);
  auto custodian = Custodian::open(
      loop, {.state_dir = state, .keeper = keeper_program(), .allow_leaf = GetParam() == Rung::leaf});
  ASSERT_TRUE(custodian);
  std::shared_ptr<Tree> tree;
  TaskGroup group(loop.get_executor());
  auto begin = [](Custodian& c, TreeSpec spec, std::shared_ptr<Tree>& out) -> asio::awaitable<void> {
    out = *co_await c.start(std::move(spec));
  };
  group.spawn("start", begin(**custodian, lab.script(kDeaf), tree));
  while (!tree) loop.run_one();
  custodian->reset();  // and nobody runs the loop any more: its coroutines are destroyed where they stand
  EXPECT_TRUE(lab.until([&] { return lab.survivors().empty(); }));
  if (GetParam() == Rung::tree) return;  // nobody comes back to this state directory: tidy up after it
  std::string id;
  std::ifstream(state / "gateway-id") >> id;
  EXPECT_TRUE(lab.until([&] { return os::remove_cgroup(leaf_parent_of(*home_cgroup(id), id)).has_value(); }));
}

TEST_P(OnRung, L36_ten_thousand_sweeps_harm_nobody) {
  std::array<std::shared_ptr<Tree>, 8> held;
  for (auto& tree : held) tree = lab.start(lab.script(kPolite, "held"));
  for (int i = 0; i < 10'000; ++i) {
    if (i % 1000 == 0) lab.start(lab.script(kPolite, "orphan"))->orphan("test");
    const auto report = lab.run(lab.custodian->sweep());
    ASSERT_EQ(report.reaped.size(), i % 1000 == 0 ? 1U : 0U);
  }
  for (const auto& tree : held) {
    EXPECT_EQ(tree->state(), TreeState::active);
    EXPECT_TRUE(alive(tree->leader_pid()));
  }
  EXPECT_EQ(lab.survivors().size(), held.size());
}

TEST_P(OnRung, a_tree_that_cannot_be_recorded_is_not_left) {
  // The intent fits, the identity does not: the temporary file's name is taken by something that takes no
  // text.
  auto begin = lab.script(kPolite);
  const auto ledger = lab.state / "ledger";
  std::optional<Result<std::shared_ptr<Tree>>> result;
  TaskGroup group(lab.loop.get_executor());
  auto start = [](Custodian& c, TreeSpec spec,
                  std::optional<Result<std::shared_ptr<Tree>>>& out) -> asio::awaitable<void> {
    out = co_await c.start(std::move(spec));
  };
  group.spawn("start", start(*lab.custodian, begin, result));
  EXPECT_TRUE(lab.until([&] {
    for (const auto& tree : lab.custodian->trees()) {
      std::error_code ec;
      std::filesystem::create_directory(ledger / (tree->id() + ".tmp"), ec);
      std::ofstream(ledger / (tree->id() + ".tmp") / "occupied") << "";
    }
    return result.has_value();
  }));
  EXPECT_FALSE(result->has_value());
  EXPECT_TRUE(lab.until([&] { return lab.survivors().empty(); }));
  EXPECT_TRUE(lab.leaves().empty());
}

// Without a descriptor to look with, a dead keeper's tree is neither called empty nor unkillable.
TEST_P(OnRung, a_tree_ends_by_proof_when_we_are_out_of_descriptors) {
  const auto tree = lab.start(lab.script(kDeaf));
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = before;
  none.rlim_cur = 1;  // not even what was kept back helps
  const auto keeper = os::PidFd::open(tree->keeper_pid()).value();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  (void)keeper.signal(SIGKILL);
  const auto end = steady_clock::now() + lab.patience + 500ms;
  lab.until([&] { return steady_clock::now() > end; });
  const TreeState starved = tree->state();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_NE(starved, TreeState::unkillable) << tree->reason();
  EXPECT_NE(starved, TreeState::gone);
  EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  EXPECT_TRUE(lab.nothing_left());
}

// With no other descriptor left, what was kept back is enough to end a dead keeper's tree and to prove it.
TEST_P(OnRung, what_is_kept_back_ends_a_dead_keepers_tree_when_descriptors_run_out) {
  const auto tree = lab.start(lab.script(kDeaf));
  const auto keeper = os::PidFd::open(tree->keeper_pid()).value();
  std::vector<UniqueFd> all;
  for (auto fd = os::open_null(); fd; fd = os::open_null()) all.push_back(std::move(*fd));
  (void)keeper.signal(SIGKILL);
  const auto end = steady_clock::now() + test::patience(10s);
  EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone || steady_clock::now() > end; }));
  EXPECT_EQ(tree->state(), TreeState::gone) << tree->reason();
  all.clear();
  EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  EXPECT_TRUE(lab.nothing_left());
}

// The loop stands still while the worker starts the server: only the intent can be on disk then.
TEST_P(OnRung, I1_a_tree_is_in_the_ledger_before_its_first_process_executes) {
  const auto seen = lab.state / "seen";
  std::optional<Result<std::shared_ptr<Tree>>> result;
  TaskGroup group(lab.loop.get_executor());
  auto start = [](Custodian& c, TreeSpec spec,
                  std::optional<Result<std::shared_ptr<Tree>>>& out) -> asio::awaitable<void> {
    out = co_await c.start(std::move(spec));
  };
  const std::string look = "ls " + (lab.state / "ledger").native() + " >" + seen.native() + ".tmp; mv " +
                           seen.native() + ".tmp " + seen.native() + "; exec cat";
  group.spawn("start", start(*lab.custodian, lab.script(look), result));
  lab.loop.restart();
  lab.loop.poll();
  const auto end = steady_clock::now() + test::patience(10s);
  while (!std::filesystem::exists(seen) && steady_clock::now() < end) (void)os::poll_all({}, 2ms);
  std::string entry;
  std::ifstream(seen) >> entry;
  EXPECT_TRUE(lab.until([&] { return result.has_value(); }));
  ASSERT_TRUE(*result);
  EXPECT_EQ(entry, (**result)->id());
}

TEST_P(OnRung, shutdown_leaves_no_directory_of_leaves) {
  lab.start(lab.script(kDeaf, "deaf"));
  lab.start(lab.script(kDaemonize, "daemonize"));
  const std::string id = lab.custodian->gateway_id();
  const auto there = [&] {
    const auto home = home_cgroup(id);
    return home && std::filesystem::exists(leaf_parent_of(*home, id));
  };
  EXPECT_EQ(there(), lab.custodian->rung().rung == Rung::leaf);
  EXPECT_TRUE(lab.run(lab.custodian->shutdown()).unkillable.empty());
  EXPECT_FALSE(there());
}

}  // namespace
}  // namespace holdfast::custody
