// `holdfast why` of every process there is: what it says is held against /proc.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "os/procfs.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class Why : public ProgramsTest {
 protected:
  static json of(GatewayProcess& gateway, pid_t pid) {
    const auto got = gateway.cli({"why", std::to_string(pid), "--json"});
    return got.exit.code == 0 ? json::parse(got.out, nullptr, false) : json();
  }
  static pid_t named(const std::string& comm) {
    for (const auto& living : living_descendants())
      if (living.comm == comm) return living.pid;
    return 0;
  }
  static std::ptrdiff_t sleepers() {
    const auto all = living_descendants();
    return std::ranges::count(all, std::string("sleep"), &Living::comm);
  }
};

TEST_F(Why, every_process_of_a_tree_is_told_with_its_holder_and_nobody_else) {
  // One helper stays, one leaves its session and its parent.
  const std::string script = "sleep 300 & setsid -f sleep 301 <&- >&- 2>&-; exec " HOLDFAST_FIXTURE_SERVER;
  GatewayProcess gateway("listen: []\nmcpServers:\n  s: { command: sh, args: [-c, \"" + script + "\"] }\n");
  auto client = connect(gateway, "s");
  ASSERT_TRUE(until([] { return sleepers() == 2; }, 10s));
  int told = 0, keepers = 0;
  for (const auto& living : living_descendants()) {
    const json why = of(gateway, living.pid);
    if (living.pid == gateway.program().pid()) {
      EXPECT_EQ(why["role"], "gateway");
      EXPECT_TRUE(why["instance"].is_null());
      continue;
    }
    if (living.pid == client->pid()) {
      EXPECT_TRUE(why.is_null()) << why;
      continue;
    }
    ASSERT_TRUE(why.is_object()) << living.comm << " " << living.pid;
    ++told;
    keepers += living.keeper;
    EXPECT_EQ(why["role"] == "keeper", living.keeper) << why;
    EXPECT_EQ(why["instance"]["server"], "s");
    EXPECT_EQ(why["instance"]["leases"].size(), 1U);
    EXPECT_EQ(why["instance"]["leases"][0]["kind"], "client");
    // The way down to it, as the kernel has it.
    const auto& path = why["path"];
    EXPECT_EQ(path.back()["pid"], living.pid);
    for (std::size_t i = 1; i < path.size(); ++i)
      EXPECT_EQ(os::read_stat(path[i]["pid"])->ppid, path[i - 1]["pid"]) << path;
    EXPECT_EQ(path.front()["pid"], why["instance"]["keeper_pid"]);
  }
  EXPECT_EQ(keepers, 1);
  EXPECT_EQ(told, 4);  // the server, its two helpers, the keeper

  const auto outsider = gateway.cli({"why", std::to_string(::getpid())});
  EXPECT_EQ(outsider.exit.code, 1);
  EXPECT_NE(outsider.err.find("is not ours"), std::string::npos) << outsider.err;
  EXPECT_EQ(gateway.cli({"why", "2147483647"}).exit.code, 1);
  const auto words = gateway.cli({"why", std::to_string(named("sleep"))});
  EXPECT_NE(words.out.find("a process of s-"), std::string::npos) << words.out;
}

TEST_F(Why, a_command_of_a_job_is_its_run_s) {
  GatewayProcess gateway(
      "listen: []\njobs:\n  tidy:\n    schedule: \"0 0 1 1 *\"\n    command: [sh, -c, \"sleep 300 & "
      "wait\"]\n");
  ASSERT_EQ(gateway.cli({"job", "run", "tidy", "--no-wait"}).exit.code, 0);
  ASSERT_TRUE(until([] { return named("sleep") > 0; }, 10s));
  const json why = of(gateway, named("sleep"));
  ASSERT_EQ(why["instance"]["leases"].size(), 1U) << why;
  EXPECT_EQ(why["instance"]["leases"][0]["kind"], "job");
  EXPECT_TRUE(why["instance"]["leases"][0]["label"].get<std::string>().starts_with("tidy/")) << why;
  const auto words = gateway.cli({"why", std::to_string(named("sleep"))});
  EXPECT_NE(words.out.find(", a run of the job tidy, for "), std::string::npos) << words.out;
  EXPECT_EQ(gateway.cli({"job", "cancel", "tidy"}).exit.code, 0);
  EXPECT_TRUE(servers_become(0, 10s)) << to_string(living_servers());
}

// A number says nothing of whose it is: what another gateway holds is its own.
TEST_F(Why, what_another_gateway_holds_is_not_ours_and_said_to_be_its) {
  const std::string yaml =
      std::string("listen: []\nmcpServers:\n  s: { command: ") + HOLDFAST_FIXTURE_SERVER + " }\n";
  GatewayProcess one(yaml), other(yaml);
  auto client = connect(one, "s");
  const auto ps = json::parse(one.cli({"ps", "--json"}).out);
  const pid_t server = ps["instances"][0]["pid"];
  EXPECT_EQ(of(one, server)["role"], "leader");
  const auto got = other.cli({"why", std::to_string(server)});
  EXPECT_EQ(got.exit.code, 1);
  EXPECT_NE(got.err.find("is not ours; it bears the tag of another gateway ("), std::string::npos) << got.err;
}

}  // namespace
}  // namespace holdfast::test
