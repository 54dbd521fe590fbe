// Servers on another machine (L34): what docs/remote-servers.md tells a user to write, under a stand-in for
// ssh whose remote side no local kill reaches. That side is counted from outside.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "fake_runtime.h"
#include "lab.h"
#include "outer.h"

namespace holdfast::custody {
namespace {

using namespace std::chrono_literals;

const std::string kPolite = "cat";
const std::string kDeaf = "sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1000; done'";

class Remote : public ::testing::TestWithParam<std::string> {
 protected:
  TreeSpec ssh(const std::string& command) {
    const std::string wrapper = GetParam() == "holdfast" ? test::program_path("holdfast-keeper") + " run --"
                                : GetParam() == "sh"     ? "HOLDFAST_REMOTE_GRACE=1 sh " HOLDFAST_REMOTE_SH
                                                         : "";
    auto spec = lab.program(runtime.ssh(), {"-T", "-o", "BatchMode=yes", "host", wrapper + " " + command});
    spec.command.environment.push_back("DOCKER_HOST=" + runtime.host());
    return spec;
  }
  std::shared_ptr<Tree> start(const std::string& command) {
    auto tree = lab.start(ssh(command));
    EXPECT_TRUE(lab.until([&] { return runtime.processes().size() > (GetParam() == "none" ? 1U : 3U); }) ||
                command == kPolite);
    return tree;
  }
  // The answer to a line, which shows that it is up.
  bool echoes(const Tree& tree) {
    if (::write(tree.stdin_fd(), "hello\n", 6) != 6) return false;
    std::string got;
    return lab.until([&] {
      char buffer[64];
      const auto n = ::read(tree.stdout_fd(), buffer, sizeof buffer);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      return got == "hello\n";
    });
  }
  test::FakeRuntime runtime;
  Lab lab;
};
INSTANTIATE_TEST_SUITE_P(Wrappers, Remote, ::testing::Values("holdfast", "sh"),
                         [](const auto& info) { return info.param; });
class RemoteAlone : public Remote {};
INSTANTIATE_TEST_SUITE_P(Wrappers, RemoteAlone, ::testing::Values("none"),
                         [](const auto& info) { return info.param; });

TEST_P(Remote, L34_a_polite_server_ends_with_its_connection) {
  const auto tree = lab.start(ssh(kPolite));
  EXPECT_TRUE(echoes(*tree));
  EXPECT_TRUE(lab.run(lab.custodian->stop(tree, "test")));
  EXPECT_TRUE(runtime.becomes(0, 20s));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(Remote, L34_a_deaf_server_ends_when_the_local_side_is_killed) {
  const auto tree = start(kDeaf);
  if (const auto process = os::PidFd::open(tree->leader_pid())) (void)process->signal(SIGKILL);
  EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  EXPECT_TRUE(runtime.becomes(0, 20s));
  EXPECT_TRUE(lab.nothing_left());
}

TEST_P(Remote, L34_a_server_that_ends_by_itself_ends_the_connection) {
  const auto tree = lab.start(ssh("sleep 0.2"));
  EXPECT_TRUE(lab.until([&] { return tree->state() == TreeState::gone; }));
  EXPECT_TRUE(runtime.becomes(0, 20s));
}

// What the wrappers are for: without one it stays.
TEST_P(RemoteAlone, L34_a_deaf_server_without_a_wrapper_outlives_its_connection) {
  const auto tree = start(kDeaf);
  EXPECT_TRUE(lab.run(lab.custodian->stop(tree, "test")));
  EXPECT_TRUE(lab.nothing_left()) << "the local side never leaks";
  EXPECT_FALSE(runtime.becomes(0, 1s));
}

}  // namespace
}  // namespace holdfast::custody
