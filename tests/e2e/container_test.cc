// A containerized server (L33) under the real gateway, with a runtime of the test's own.
#include <gmock/gmock.h>
#include <signal.h>

#include "census.h"
#include "fake_runtime.h"
#include "program.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class ContainerContract : public testing::Test {
 protected:
  ContainerContract() { own_all_descendants(); }
  [[nodiscard]] std::string config() const {
    const std::string stop = "\n    stop: { eof: 200ms, term: 200ms, lost: 200ms }\n";
    return "listen: []\ndrain: 1s\nmcpServers:\n  boxed:\n    command: " + FakeRuntime::program() +
           "\n    args: [run, -i, --rm, " + HOLDFAST_FIXTURE_SERVER + ", --ignore-eof, --ignore-term]" +
           "\n    sharing: shared\n    env: { DOCKER_HOST: \"" + runtime.host() + "\" }" + stop +
           "  plain:\n    command: " + HOLDFAST_FIXTURE_SERVER + stop;
  }
  FakeRuntime runtime;
};

TEST_F(ContainerContract, L33_a_deaf_image_ends_with_its_client_and_with_the_gateway) {
  GatewayProcess gateway(config());
  auto client = connect(gateway, "boxed");
  EXPECT_THAT(call(*client, "echo", R"({"text":"hi"})"), testing::HasSubstr("hi"));
  EXPECT_EQ(runtime.processes().size(), 1U);
  EXPECT_EQ(gateway.cli({"stop", "boxed", "--force"}).exit.code, 0);
  EXPECT_TRUE(runtime.becomes(0, 10s));
  EXPECT_THAT(call(*client, "echo", R"({"text":"again"})"), testing::HasSubstr("again"));
  gateway.program().signal(SIGTERM);
  const auto exit = gateway.program().wait(20s);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
  EXPECT_TRUE(runtime.processes().empty()) << "at its exit, not later";
}

TEST_F(ContainerContract, L33_the_next_start_ends_what_a_killed_gateway_left) {
  GatewayProcess gateway(config());
  const auto client = connect(gateway, "boxed");
  gateway.program().signal(SIGKILL);
  EXPECT_TRUE(gateway.program().wait(5s));
  gateway.start();
  EXPECT_TRUE(runtime.becomes(0, 20s));
}

TEST_F(ContainerContract, L33_a_dead_daemon_parks_its_server_and_holds_up_nobody) {
  GatewayProcess gateway(config());
  auto client = connect(gateway, "boxed");
  EXPECT_THAT(call(*client, "echo", R"({"text":"hi"})"), testing::HasSubstr("hi"));
  runtime.kill_daemon();
  (void)gateway.cli({"stop", "boxed", "--force"});
  EXPECT_THAT(call(*client, "echo"), testing::HasSubstr("cannot be killed"));
  const auto servers = gateway.cli({"servers"});
  EXPECT_THAT(servers.out, testing::HasSubstr("parked"));
  auto other = connect(gateway, "plain");
  EXPECT_THAT(call(*other, "echo", R"({"text":"hi"})"), testing::HasSubstr("hi"));
  gateway.program().signal(SIGTERM);
  const auto began = steady_clock::now();
  const auto exit = gateway.program().wait(30s);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 1) << "something is left, and it says so";
  EXPECT_LT(steady_clock::now() - began, 15s);
  EXPECT_THAT(gateway.log(), testing::HasSubstr("Cannot connect to the Docker daemon"));
}

}  // namespace
}  // namespace holdfast::test
