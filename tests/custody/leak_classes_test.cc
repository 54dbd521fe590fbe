// Ways to outlive one's host, one each, that are only cells of a matrix elsewhere (docs/leak-classes.md):
// what goes with a server however it left it, and who is not to be hit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "on_rung.h"
#include "os/pidfd.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::vector<os::PidFd> held(const std::shared_ptr<Tree>& tree) {
  std::vector<os::PidFd> members;
  for (const pid_t pid : tree->members())
    if (auto member = os::PidFd::open(pid)) members.push_back(std::move(*member));
  return members;
}

TEST_P(OnRung, L14_who_left_session_environment_directory_and_descriptors_goes_too) {
  const auto there = lab.state / "there";
  const auto tree =
      lab.start(lab.script("(exec env -i setsid sh -c 'cd /tmp; exec 0<&- 1>&- 2>&-; sleep 1000 & : >" +
                           there.native() + "; exec sleep 1000' &); exec cat"));
  // The shell in between may be on its way out still.
  ASSERT_TRUE(lab.until([&] { return std::filesystem::exists(there) && tree->members().size() == 3; }));
  const auto members = held(tree);
  ASSERT_EQ(members.size(), 3U);
  ASSERT_TRUE(lab.until([&] { return lab.survivors().size() == 1; })) << "who left bears a mark still";
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(std::ranges::all_of(members, [](const os::PidFd& member) { return member.exited(); }));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L18_a_server_that_needs_its_grace_to_write_gets_it) {
  const auto file = lab.state / "flushed";
  auto spec = lab.script("cat >/dev/null; sleep 0.3; echo whole >" + file.native());
  spec.graces.eof = 5s;
  const auto tree = lab.start(spec);
  EXPECT_TRUE(stop(tree));
  std::ifstream written(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(written), {}), "whole\n");
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L19_a_server_that_spins_at_the_end_of_its_input_is_ended) {
  const auto tree = lab.start(lab.script("trap '' TERM HUP INT; while :; do read line; done"));
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L22_who_forks_all_through_its_end_is_gone_whole) {
  constexpr std::size_t kUnderWay = 50;
  const auto tree = lab.start(
      lab.script("trap '' TERM HUP INT; i=0; while [ $i -lt 2000 ]; do sleep 1000 & i=$((i+1)); done; cat"));
  ASSERT_TRUE(lab.until([&] { return tree->members().size() > kUnderWay; }));
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L25_a_stopped_server_ends_within_its_ladder) {
  const auto tree = lab.start(lab.script("sleep 1000 & kill -STOP $! $$; exec cat"));
  ASSERT_TRUE(lab.until([&] { return lab.survivors().size() == 2; }));
  const auto began = steady_clock::now();
  EXPECT_TRUE(stop(tree));
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(OnRung, L37_a_blow_at_its_own_group_hits_nobody_but_the_server) {
  const auto sibling = lab.start(lab.script("exec cat", "sibling"));
  const auto tree = lab.start(lab.script("sleep 1000 & read line; kill -KILL 0"));
  ASSERT_TRUE(lab.until([&] { return lab.survivors().size() == 3; }));
  const auto guard = os::PidFd::open(sibling->keeper_pid());
  ASSERT_TRUE(guard);
  bool gone = false;
  tree->watch(
      {.before_stop = {}, .leader_exited = {}, .retiring = {}, .gone = [&](const Ending&) { gone = true; }});
  ASSERT_EQ(::write(tree->stdin_fd(), "\n", 1), 1);
  EXPECT_TRUE(lab.until([&] { return gone; }));
  EXPECT_EQ(lab.survivors(), std::vector{sibling->leader_pid()});
  EXPECT_FALSE(guard->exited());
  EXPECT_TRUE(stop(sibling));
  EXPECT_TRUE(lab.nothing_left());
}

}  // namespace
}  // namespace holdfast::custody
