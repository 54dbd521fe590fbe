// What a tree may use: its own limit stops a hog, and nobody beside it.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "custody/places.h"
#include "lab.h"
#include "needs.h"
#include "os/cgroup.h"
#include "os/controllers.h"
#include "outer.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct LimitsLab : Lab {
  using Lab::Lab;
  std::shared_ptr<Tree> hog(const std::string& kind, Limits limits) {
    auto spec = program(test::program_path("adversaries/hog"), {kind}, kind);
    spec.limits = limits;
    return start(spec);
  }
  // What it says once it has been refused, or at its own bound; empty: it ended.
  std::string let_go(const std::shared_ptr<Tree>& hog) {
    std::optional<Ending> ending;
    hog->watch({.before_stop = {}, .leader_exited = {}, .retiring = {}, .gone = [&](const Ending& e) {
                  ending = e;
                }});
    EXPECT_EQ(::write(hog->stdin_fd(), "x", 1), 1);
    std::string said;
    EXPECT_TRUE(until([&] {
      char buffer[256];
      const auto n = hog->stdout_fd() < 0 ? -1 : ::read(hog->stdout_fd(), buffer, sizeof buffer);
      if (n > 0) said.append(buffer, static_cast<std::size_t>(n));
      return ending || said.ends_with('\n');
    }));
    hog->watch({});
    end = ending;
    return said;
  }
  bool answers(const std::shared_ptr<Tree>& sibling) {
    if (::write(sibling->stdin_fd(), "still here\n", 11) != 11) return false;
    char buffer[64];
    return until([&] { return ::read(sibling->stdout_fd(), buffer, sizeof buffer) == 11; });
  }
  std::optional<Ending> end;  // of the hog, if that came first
};

// "memory 61: Cannot allocate memory"
int taken(const std::string& said) {
  const auto blank = said.find(' ');
  int number = -1;
  if (blank != said.npos) std::from_chars(said.data() + blank + 1, said.data() + said.size(), number);
  return number;
}

std::string way(const RungReport& report, std::string_view limit) {
  for (const auto& row : report.limits.rows())
    if (row.name == limit) return row.words();
  return "?";
}

std::string text_of(const std::string& path) {
  std::string text;
  std::getline(std::ifstream(path), text);
  return text;
}

// Without a cgroup controller: each process by itself.
struct ByProcess : ::testing::Test {
  LimitsLab lab{false};
};

TEST_F(ByProcess, L52_a_hog_of_memory_is_refused_and_its_sibling_is_unharmed) {
  const auto sibling = lab.start(lab.script("exec cat"));
  const pid_t before = sibling->leader_pid();
  const auto hog = lab.hog("memory", {.memory = 64U << 20});
  const auto said = lab.let_go(hog);
  EXPECT_THAT(said, HasSubstr("Cannot allocate memory"));
  EXPECT_GT(taken(said), 32);
  EXPECT_LT(taken(said), 64);
  EXPECT_EQ(sibling->leader_pid(), before);
  EXPECT_TRUE(lab.answers(sibling));
  EXPECT_EQ(way(lab.custodian->rung(), "memory"), "rlimit per process");
  EXPECT_EQ(hog->out_of_memory(), "");
}

TEST_F(ByProcess, L52_a_hog_of_descriptors_is_refused_and_its_sibling_is_unharmed) {
  const auto sibling = lab.start(lab.script("exec cat"));
  const auto said = lab.let_go(lab.hog("files", {.files = 64}));
  EXPECT_THAT(said, HasSubstr("Too many open files"));
  EXPECT_EQ(taken(said), 61);  // 0, 1 and 2 are there
  EXPECT_TRUE(lab.answers(sibling));
}

TEST_F(ByProcess, what_no_limit_asks_for_is_not_limited) {
  EXPECT_EQ(taken(lab.let_go(lab.hog("memory", {.files = 64}))), 512);
  EXPECT_GT(taken(lab.let_go(lab.hog("files", {.memory = 64U << 20}))), 61);
}

// RLIMIT_NPROC would count all of the user's processes, and refuse the wrong one.
TEST_F(ByProcess, processes_and_cpu_are_not_limited_and_that_is_said) {
  EXPECT_THAT(way(lab.custodian->rung(), "pids"), HasSubstr("not enforced: "));
  EXPECT_THAT(way(lab.custodian->rung(), "cpu"), HasSubstr("not enforced: "));
  EXPECT_EQ(way(lab.custodian->rung(), "files"), "rlimit per process");
  EXPECT_EQ(taken(lab.let_go(lab.hog("pids", {.pids = 8, .cpu = 1}))), 300);
}

TEST_F(ByProcess, limits_hold_in_a_pid_namespace_too) {
  const auto& offered = lab.custodian->rung();
  HOLDFAST_NEEDS("pidns", offered.no_pidns.empty(), offered.no_pidns);
  lab.pidns = true;
  EXPECT_EQ(taken(lab.let_go(lab.hog("files", {.files = 64}))), 61);
}

// By a controller of the leaf: the tree as a whole. Where none is delegated, skipped aloud.
struct ByCgroup : ::testing::Test {
  std::string leaf_of(const Tree& tree) const {
    return leaf_parent_of(home_cgroup(lab.custodian->gateway_id()).value_or(""),
                          lab.custodian->gateway_id()) +
           "/" + tree.id();
  }
  const Enforcement& held() const { return lab.custodian->rung().limits; }
  LimitsLab lab;
};

TEST_F(ByCgroup, L52_a_hog_of_memory_dies_alone_with_the_reason_memory_cap) {
  HOLDFAST_NEEDS("memory", held().memory, held().why_not);
  const auto sibling = lab.start(lab.script("exec cat"));
  const pid_t before = sibling->leader_pid();
  const auto hog = lab.hog("memory", {.memory = 64U << 20});
  EXPECT_EQ(text_of(leaf_of(*hog) + "/memory.max"), std::to_string(64U << 20));
  EXPECT_EQ(lab.let_go(hog), "");
  ASSERT_TRUE(lab.end);
  EXPECT_THAT(lab.end->reason, HasSubstr("memory cap"));
  EXPECT_EQ(lab.end->leader.value_or(ExitStatus{}).signal, SIGKILL);
  EXPECT_THAT(hog->out_of_memory(), HasSubstr("memory cap"));
  EXPECT_EQ(sibling->leader_pid(), before);
  EXPECT_TRUE(lab.answers(sibling));
}

TEST_F(ByCgroup, L52_a_hog_of_processes_is_refused_and_its_sibling_is_unharmed) {
  HOLDFAST_NEEDS("pids", held().pids, held().why_not);
  const auto sibling = lab.start(lab.script("exec cat"));
  const auto hog = lab.hog("pids", {.pids = 20});
  const auto said = lab.let_go(hog);
  EXPECT_THAT(said, HasSubstr("Resource temporarily unavailable"));
  EXPECT_EQ(taken(said), 19);
  EXPECT_TRUE(lab.answers(sibling));
  lab.run(lab.custodian->stop(hog, "test"));
  EXPECT_EQ(lab.survivors(), std::vector{sibling->leader_pid()});
}

TEST_F(ByCgroup, a_hog_of_the_processor_gets_its_share) {
  HOLDFAST_NEEDS("cpu", held().cpu, held().why_not);
  const auto hog = lab.hog("cpu", {.cpu = 20});
  EXPECT_EQ(text_of(leaf_of(*hog) + "/cpu.max"), "20000 100000");
  const int milliseconds_used = taken(lab.let_go(hog));
  EXPECT_GT(milliseconds_used, 0);
  EXPECT_LT(milliseconds_used, 1000);  // of two seconds, 400 and what a period more may give
}

TEST_F(ByCgroup, a_limit_holds_also_where_somebody_tidied_up_the_directory_of_the_leaves) {
  HOLDFAST_NEEDS("pids", held().pids, held().why_not);
  const std::string id = lab.custodian->gateway_id();
  const std::string leaves = leaf_parent_of(home_cgroup(id).value_or(""), id);
  ASSERT_TRUE(os::remove_cgroup(leaves));
  const auto hog = lab.hog("pids", {.pids = 20});
  EXPECT_EQ(text_of(leaf_of(*hog) + "/pids.max"), "20");
}

// What it took is taken back: the cgroup is as it was, and this process where it was.
TEST_F(ByCgroup, controllers_are_handed_down_for_as_long_as_the_gateway_lives) {
  HOLDFAST_NEEDS("pids", held().pids, held().why_not);
  const auto home = home_cgroup(lab.custodian->gateway_id());
  ASSERT_TRUE(home);
  EXPECT_THAT(os::controllers_below(*home), ::testing::Contains("pids"));
  const std::string id = lab.custodian->gateway_id();
  lab.custodian.reset();
  EXPECT_EQ(os::own_cgroup().value_or(""), *home);
  EXPECT_FALSE(std::filesystem::exists(leaf_parent_of(*home, id)));
  EXPECT_FALSE(std::filesystem::exists(room_of(leaf_parent_of(*home, id))));
}

}  // namespace
}  // namespace holdfast::custody
