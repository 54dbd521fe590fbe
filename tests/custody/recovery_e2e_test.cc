// Gateway and keepers die, in every order; the next start finds what they left, and nobody else is harmed.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/ids.h"
#include "custody/identity.h"
#include "custody/launch.h"
#include "custody/ledger.h"
#include "lab.h"
#include "needs.h"
#include "os/procfs.h"
#include "outer.h"
#include "test_rung.h"

namespace holdfast::custody {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

bool soon(const std::function<bool()>& condition) {
  for (const auto end = steady_clock::now() + test::patience(20s); steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

void kill_process(pid_t pid, int number = SIGKILL) {
  if (const auto process = os::PidFd::open(pid)) (void)process->signal(number);
}

std::vector<pid_t> keepers_of(pid_t gateway) {
  std::vector<pid_t> keepers;
  (void)os::for_each_child(gateway, [&](pid_t child) { keepers.push_back(child); });
  return keepers;
}

class Recovery : public ::testing::TestWithParam<Rung> {
 protected:
  Recovery() : state_(fs::temp_directory_path() / ("recovery-" + random_hex(6))) {
    fs::create_directories(state_);
  }
  ~Recovery() override {
    outer_.kill_all();
    fs::remove_all(state_);
  }
  void SetUp() override {
    HOLDFAST_NEEDS("leaf", GetParam() != Rung::leaf || !outer_.cgroup().empty(), outer_.why_no_cgroup());
    if (GetParam() != Rung::pidns) return;
    const auto absent = test::why_not_offered(test::TestRung::pidns, outer_);
    HOLDFAST_NEEDS("pidns", absent.empty(), absent);
  }

  os::PidFd start_gateway(int trees, const std::string& program, std::vector<std::string> arguments = {}) {
    std::vector<std::string> all{state_.native(), keeper_program().native(),
                                 std::string(to_string(GetParam())), std::to_string(trees), program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto started = outer_.start({.path = test::program_path("small_gateway"),
                                 .arguments = all,
                                 .environment = {"PATH=/usr/bin:/bin"}});
    EXPECT_TRUE(started) << started.error().message();
    return *std::move(started);
  }
  void await_ready() {
    EXPECT_TRUE(soon([&] { return fs::exists(state_ / "ready"); }));
    EXPECT_FALSE(fs::exists(state_ / "failed"));
  }
  void kill_in_one_stroke(const os::PidFd& gateway) {
    (void)gateway.signal(SIGSTOP);  // so that it starts none while we look
    EXPECT_TRUE(soon([&] { return os::read_stat(gateway.pid())->state == 'T'; }));
    for (const pid_t keeper : keepers_of(gateway.pid())) kill_process(keeper);
    (void)gateway.signal(SIGKILL);
    EXPECT_TRUE(soon([&] { return os::wait_child(gateway.pid())->pid != 0; }));
  }
  // A start on the same state directory, as the next gateway makes it.
  RecoveryReport recover() {
    asio::io_context loop;
    auto custodian = Custodian::open(
        loop, {.state_dir = state_, .keeper = keeper_program(), .allow_leaf = GetParam() != Rung::tree});
    EXPECT_TRUE(custodian);
    std::optional<RecoveryReport> report;
    TaskGroup group(loop.get_executor());
    auto ask = [](Custodian& c, std::optional<RecoveryReport>& out) -> asio::awaitable<void> {
      out = co_await c.recover();
    };
    group.spawn("recover", ask(**custodian, report));
    while (!report) loop.run_one();
    custodian->reset();
    loop.restart();
    loop.poll();
    return *std::move(report);
  }
  std::size_t ledger_entries() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(state_ / "ledger"))
      count += entry.path().extension() != ".bad";
    return count;
  }
  LedgerEntry forged(const std::string& id) {
    std::string gateway_id;
    std::ifstream(state_ / "gateway-id") >> gateway_id;
    LedgerEntry entry;
    entry.id = id;
    entry.name = "forged";
    entry.boot_id = os::boot_id()->view();
    entry.gateway_id = gateway_id;
    entry.tag = gateway_id + "/" + id;
    entry.uid = ::getuid();
    entry.patience = 500ms;
    entry.keeper.pid = 999'999'999;
    return entry;
  }

  test::Outer outer_;
  fs::path state_;
};
INSTANTIATE_TEST_SUITE_P(Rungs, Recovery, ::testing::Values(Rung::tree, Rung::leaf, Rung::pidns),
                         [](const auto& info) { return std::string(to_string(info.param)); });
// Where somebody may outlive gateway and keepers, and where the kernel lets nobody.
class RecoveryOfSurvivors : public Recovery {};
INSTANTIATE_TEST_SUITE_P(Rungs, RecoveryOfSurvivors, ::testing::Values(Rung::tree, Rung::leaf),
                         [](const auto& info) { return std::string(to_string(info.param)); });
class RecoveryInPidns : public Recovery {};
INSTANTIATE_TEST_SUITE_P(Rungs, RecoveryInPidns, ::testing::Values(Rung::pidns),
                         [](const auto&) { return std::string("pidns"); });
class RecoveryOnLeaf : public Recovery {};
INSTANTIATE_TEST_SUITE_P(Rungs, RecoveryOnLeaf, ::testing::Values(Rung::leaf),
                         [](const auto&) { return std::string("leaf"); });

TEST_P(Recovery, L26_gateway_sigkill_leaves_nothing) {
  const auto gateway = start_gateway(5, test::adversary_path("daemonize"));
  await_ready();
  (void)gateway.signal(SIGKILL);
  EXPECT_TRUE(outer_.empty_within(10s)) << outer_.describe();
  const auto report = recover();
  EXPECT_TRUE(report.unverified.empty()) << ::testing::PrintToString(report.unverified);
  EXPECT_EQ(ledger_entries(), 0U);
}

// Its end of file tells it nothing: it is the keeper who has to notice.
TEST_P(Recovery, L26_gateway_sigkill_ends_a_deaf_server_too) {
  const auto gateway = start_gateway(3, test::adversary_path("deaf"));
  await_ready();
  (void)gateway.signal(SIGKILL);
  ASSERT_TRUE(outer_.empty_within(test::patience(10s))) << outer_.describe();
  EXPECT_TRUE(recover().unverified.empty());
  EXPECT_EQ(ledger_entries(), 0U);
}

// The kernel does it; the next start finds nobody, and closes the books.
TEST_P(RecoveryInPidns, L26_gateway_and_keepers_in_one_stroke_leave_nobody) {
  const auto gateway = start_gateway(5, test::adversary_path("daemonize"));
  await_ready();
  kill_in_one_stroke(gateway);
  EXPECT_TRUE(outer_.empty_within(test::patience(2s))) << outer_.describe();
  EXPECT_EQ(ledger_entries(), 5U);
  const auto report = recover();
  EXPECT_EQ(report.trees_killed, 0);
  EXPECT_EQ(report.entries_dropped, 5);
  EXPECT_TRUE(report.unverified.empty()) << ::testing::PrintToString(report.unverified);
  EXPECT_EQ(ledger_entries(), 0U);
}

TEST_P(RecoveryOfSurvivors, L26_gateway_and_keepers_in_one_stroke_are_found_by_the_next_start) {
  const auto gateway = start_gateway(
      5, "/bin/sh", {"-c", "trap '' TERM; (setsid sleep 1000 &); while :; do sleep 1000; done"});
  await_ready();
  kill_in_one_stroke(gateway);
  EXPECT_FALSE(outer_.members().empty()) << "otherwise this test shows nothing";
  const auto report = recover();
  EXPECT_TRUE(outer_.empty_within(2s)) << outer_.describe();
  EXPECT_EQ(report.trees_killed, 5);
  EXPECT_TRUE(report.unverified.empty()) << ::testing::PrintToString(report.unverified);
  EXPECT_EQ(ledger_entries(), 0U);
}

// A power cut or a full disk may leave the file empty. As somebody else, the next gateway could end nothing.
TEST_P(RecoveryOfSurvivors, a_lost_gateway_id_is_taken_from_the_ledger) {
  const auto gateway = start_gateway(3, "/bin/sleep", {"1000"});
  await_ready();
  kill_in_one_stroke(gateway);
  EXPECT_FALSE(outer_.members().empty()) << "otherwise this test shows nothing";
  std::ofstream(state_ / "gateway-id", std::ios::trunc).close();
  const auto report = recover();
  EXPECT_TRUE(outer_.empty_within(2s)) << outer_.describe();
  EXPECT_TRUE(report.unverified.empty()) << ::testing::PrintToString(report.unverified);
}

TEST_P(RecoveryOfSurvivors, a_leader_without_our_tag_is_found_by_its_identity) {
  const auto gateway = start_gateway(3, "/usr/bin/env", {"-i", "/bin/sleep", "1000"});
  await_ready();
  const auto untagged = [&] {
    const auto all = outer_.members();
    return std::ranges::count_if(all, [](pid_t pid) {
      const auto stat = os::read_stat(pid);
      return stat && stat->comm.view() == "sleep";
    });
  };
  EXPECT_TRUE(soon([&] { return untagged() == 3; })) << outer_.describe();
  kill_in_one_stroke(gateway);
  EXPECT_EQ(recover().trees_killed, 3);
  EXPECT_TRUE(outer_.empty_within(2s)) << outer_.describe();
  EXPECT_EQ(ledger_entries(), 0U);
}

// Its session, its parents and its environment are gone: only the leaf knows whose it is.
TEST_P(RecoveryOnLeaf, a_stale_leaf_holds_whom_nothing_else_names) {
  const auto gateway = start_gateway(3, test::adversary_path("daemonize"));
  await_ready();
  const auto daemons = [&] {
    const auto all = outer_.members();
    return std::ranges::count_if(all, [](pid_t pid) {
      const auto stat = os::read_stat(pid);
      return stat && stat->comm.view() == "daemonize" && stat->session != pid;
    });
  };
  EXPECT_TRUE(soon([&] { return daemons() == 3; })) << outer_.describe();
  kill_in_one_stroke(gateway);
  EXPECT_EQ(recover().trees_killed, 3);
  EXPECT_TRUE(outer_.empty_within(2s)) << outer_.describe();
  EXPECT_EQ(ledger_entries(), 0U);
}

// Copied, a state directory has the id, and with it the leaves, of the gateway that it was copied from.
TEST_P(RecoveryOnLeaf, L42_a_copied_state_directory_costs_no_living_gateway_a_tree) {
  const auto first = start_gateway(2, "/bin/cat");
  await_ready();
  const auto before = outer_.members();
  const auto original = state_;
  state_ += "-copy";
  fs::create_directories(state_);
  fs::copy(original / "gateway-id", state_ / "gateway-id");
  const auto second = start_gateway(1, "/bin/cat");
  await_ready();
  EXPECT_THAT(outer_.members(), ::testing::IsSupersetOf(before)) << outer_.describe();
  fs::remove_all(original);
}

TEST_P(Recovery, L29_death_at_any_moment_of_a_start_leaves_nothing_after_the_next) {
  for (int round = 0; round < 12; ++round) {
    fs::remove(state_ / "ready");
    const auto gateway = start_gateway(6, test::adversary_path("deaf"));
    const auto moment = steady_clock::now() + round * 2ms;
    EXPECT_TRUE(soon([&] { return fs::exists(state_ / "ledger") || steady_clock::now() > moment + 5s; }));
    std::this_thread::sleep_for(round * 2ms);
    kill_in_one_stroke(gateway);
    const auto report = recover();
    EXPECT_TRUE(outer_.empty_within(2s)) << "round " << round << "\n" << outer_.describe();
    EXPECT_TRUE(report.unverified.empty()) << ::testing::PrintToString(report.unverified);
    EXPECT_EQ(ledger_entries(), 0U);
  }
}

TEST_P(Recovery, L42_a_living_gateways_trees_are_never_touched) {
  const auto gateway = start_gateway(2, "/bin/cat");
  await_ready();
  const auto before = outer_.members();
  const auto report = recover();
  EXPECT_EQ(report.unverified.size(), 2U) << ::testing::PrintToString(report.unverified);
  EXPECT_EQ(report.trees_killed, 0);
  EXPECT_EQ(outer_.members(), before);
  EXPECT_EQ(ledger_entries(), 2U);
}

TEST_P(Recovery, L38_a_stranger_on_a_recorded_number_survives) {
  (void)recover();
  const auto stranger = outer_.start({.path = "/bin/sleep", .arguments = {"1000"}});
  ASSERT_TRUE(stranger);
  const auto now = identify(*stranger);
  const auto ledger = Ledger::open(state_ / "ledger");

  auto later = forged("later");  // the number, but another start time
  later.leader = {.pid = now.pid, .start_ticks = now.start_ticks + 1};
  ASSERT_TRUE(ledger->write(later));
  auto same_tick = forged("same-tick");  // nothing tells it apart, and nothing proves it
  same_tick.leader = {.pid = now.pid, .start_ticks = now.start_ticks};
  same_tick.session = now.pid;
  ASSERT_TRUE(ledger->write(same_tick));
  auto dead_handle = forged("dead-handle");
  {
    const auto brief = outer_.start({.path = "/bin/true"});
    dead_handle.leader = {.pid = now.pid, .start_ticks = now.start_ticks, .handle = identify(*brief).handle};
    EXPECT_TRUE(soon([&] { return os::wait_child(brief->pid())->pid != 0; }));
  }
  if (dead_handle.leader.handle != 0) ASSERT_TRUE(ledger->write(dead_handle));

  const auto report = recover();
  EXPECT_FALSE(stranger->exited());
  ASSERT_EQ(report.unverified.size(), 1U) << ::testing::PrintToString(report.unverified);
  EXPECT_THAT(report.unverified[0], ::testing::HasSubstr("same-tick"));
  EXPECT_EQ(report.trees_killed, 0);
}

// It left within the tick in which it was born, and its number came back within the same: nothing that /proc
// says tells them apart, but whose children they are.
TEST_P(Recovery, L38_a_recorded_handle_is_not_that_of_who_has_the_leaders_number_now) {
  HOLDFAST_NEEDS("handles", handles_work(), "process handles need Linux 6.14");
  const auto stranger = outer_.start({.path = "/bin/sleep", .arguments = {"1000"}});
  const auto keeper = outer_.start({.path = "/bin/sleep", .arguments = {"1000"}});
  ASSERT_TRUE(stranger && keeper);
  const auto ledger = Ledger::open(state_ / "ledger");
  LedgerEntry entry;
  entry.id = "brief";
  const auto now = identify(*stranger);
  const auto recorded = record_identity(entry, identify(*keeper), now.pid, now.start_ticks, 0, *ledger);
  ASSERT_TRUE(recorded) << recorded.error().message();
  EXPECT_EQ(recorded->leader.handle, 0U);
}

TEST_P(Recovery, garbage_is_reported_and_another_boots_entries_are_dropped) {
  (void)recover();
  const auto ledger = Ledger::open(state_ / "ledger");
  auto old = forged("old");
  old.boot_id = "another";
  ASSERT_TRUE(ledger->write(old));
  std::ofstream(state_ / "ledger" / "torn") << "holdfast-ledger 1\nid=torn\n";
  const auto report = recover();
  EXPECT_EQ(report.entries_dropped, 1);
  ASSERT_EQ(report.unverified.size(), 1U);
  EXPECT_THAT(report.unverified[0], ::testing::HasSubstr("torn"));
  EXPECT_EQ(ledger_entries(), 0U);
  EXPECT_TRUE(fs::exists(state_ / "ledger" / "torn.bad"));
}

TEST_P(Recovery, a_stopped_keeper_of_a_dead_gateway_is_continued) {
  const auto gateway = start_gateway(1, "/bin/cat");
  await_ready();
  const auto keepers = keepers_of(gateway.pid());
  ASSERT_EQ(keepers.size(), 1U);
  (void)gateway.signal(SIGSTOP);
  kill_process(keepers[0], SIGSTOP);
  (void)gateway.signal(SIGKILL);
  (void)recover();
  EXPECT_TRUE(outer_.empty_within(2s)) << outer_.describe();
}

}  // namespace
}  // namespace holdfast::custody
