// The configuration read again under a gateway that serves, on the real programs.
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "gone_file_system.h"
#include "needs.h"
#include "os/fake_manager.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

std::string entry(const std::string& name, const std::string& more = "") {
  return "  " + name + ":\n    command: " + HOLDFAST_FIXTURE_SERVER +
         "\n    stop: { eof: 200ms, term: 200ms, lost: 200ms }\n" + more;
}
const std::string kHead = "listen: [\"127.0.0.1:0\"]\ndrain: 2s\nmcpServers:\n";
const std::string kShared = "    sharing: shared\n";

class ReloadContract : public ProgramsTest {
 protected:
  static bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      (void)::usleep(2000);  // the log of another process has no event for this
    }
    return true;
  }
};

TEST_F(ReloadContract, live_clients_of_unchanged_servers_see_nothing_of_reloads) {
  GatewayProcess gateway(kHead + entry("own") + entry("all", kShared) + entry("t", kShared));
  auto own = connect(gateway, "own"), all = connect(gateway, "all"), other = connect(gateway, "t");
  const auto own_pid = call(*own, "pid"), all_pid = call(*all, "pid"), other_pid = call(*other, "pid");
  // A call that is in flight all the while, on each.
  for (Program* client : {own.get(), all.get()})
    client->write(
        R"({"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"ms":1500}}})"
        "\n");
  for (int i = 0; i < 10; ++i) {
    gateway.configure(kHead + entry("own") + entry("all", kShared) +
                      entry("t", kShared + "    env: { ROUND: \"" + std::to_string(i) + "\" }\n"));
    const auto reloaded = gateway.cli({"reload", "--json"});
    ASSERT_EQ(reloaded.exit.code, 0) << reloaded.err;
    const Json said = Json::parse(reloaded.out);
    EXPECT_EQ(said["servers"]["changed"], Json({"t"})) << reloaded.out;
    EXPECT_EQ(said["servers"]["unchanged"], 2);
    // The changed one too answers without an error: its next instance takes over.
    const auto round = call(*other, "env", R"({"name":"ROUND"})");
    EXPECT_NE(round.find("\"text\":\"" + std::to_string(i) + "\""), std::string::npos) << round;
  }
  for (Program* client : {own.get(), all.get()}) {
    const auto slow = client->read_line(10s).value_or("");
    EXPECT_NE(slow.find("\"slow\""), std::string::npos) << slow;
    EXPECT_NE(slow.find("\"result\""), std::string::npos) << slow;
  }
  EXPECT_EQ(call(*own, "pid"), own_pid);
  EXPECT_EQ(call(*all, "pid"), all_pid);
  EXPECT_NE(call(*other, "pid"), other_pid);
}

TEST_F(ReloadContract, a_broken_file_changes_nothing_and_says_every_error) {
  GatewayProcess gateway(kHead + entry("s", kShared) +
                         "jobs:\n  j: { schedule: every 366d, steps: [s__echo] }\n");
  auto client = connect(gateway, "s");
  const auto pid = call(*client, "pid");
  gateway.configure("drain: soon\nmcpServers:\n  s: { command: x, sharing: everybody }\n");
  const auto refused = gateway.cli({"reload"});
  EXPECT_EQ(refused.exit.code, 78);
  for (const char* expected : {":1:8: error", "sharing", "nothing has changed"})
    EXPECT_NE(refused.err.find(expected), std::string::npos) << refused.err;
  gateway.program().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    const auto log = gateway.log();  // once for the verb, once for the signal
    const auto first = log.find("gateway.reload_refused");
    return first != std::string::npos && log.find("gateway.reload_refused", first + 1) != std::string::npos;
  })) << gateway.log();
  EXPECT_EQ(call(*client, "pid"), pid);
  EXPECT_NE(gateway.cli({"jobs"}).out.find("j "), std::string::npos);
}

TEST_F(ReloadContract, what_holds_no_configuration_changes_nothing_and_is_waited_for_by_nobody) {
  GatewayProcess gateway(kHead + entry("s", kShared));
  auto client = connect(gateway, "s");
  const auto pid = call(*client, "pid");
  const auto file = gateway.dir() / "config.yaml";
  gateway.configure("");  // as an editor leaves it between two of its steps
  const auto empty = gateway.cli({"reload"});
  EXPECT_EQ(empty.exit.code, 78);
  EXPECT_NE(empty.err.find("is empty; a configuration is a mapping"), std::string::npos) << empty.err;
  const auto not_started =
      run_program(HOLDFAST_PROGRAM, {"serve", "--config", file, "--state-dir", gateway.dir() / "other"}, 10s);
  EXPECT_EQ(not_started.exit.code, 78) << not_started.err;

  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  const auto pipe = gateway.cli({"reload"});
  EXPECT_EQ(pipe.exit.code, 78);
  EXPECT_NE(pipe.err.find("config.yaml: error: is a pipe; expected a regular file"), std::string::npos)
      << pipe.err;
  EXPECT_EQ(call(*client, "pid"), pid);
}

TEST_F(ReloadContract, a_file_system_that_does_not_answer_holds_up_neither_the_gateway_nor_its_end) {
  const GoneFileSystem gone(GoneFileSystem::Sleep::killable);
  HOLDFAST_NEEDS("fuse", gone, gone.why_not());
  GatewayProcess gateway(kHead + entry("s", kShared));
  auto client = connect(gateway, "s");
  const auto pid = call(*client, "pid");
  gateway.configure(kHead + entry("s", kShared) + entry("t", "    cwd: " + gone.path() + "/x\n"));
  gateway.program().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return gateway.log().find("gateway.reload_refused") != std::string::npos; }))
      << gateway.log();
  const auto refused = gateway.cli({"reload"});
  EXPECT_EQ(refused.exit.code, 1) << refused.err;
  EXPECT_NE(refused.err.find("nothing has changed: a file system has not answered in 5s"), std::string::npos)
      << refused.err;
  EXPECT_EQ(call(*client, "pid"), pid);
  gateway.program().signal(SIGTERM);
  const auto exit = gateway.program().wait(20s);
  ASSERT_TRUE(exit) << gateway.log();
  EXPECT_EQ(exit->code, 0);
  EXPECT_NE(gateway.log().find("gateway.left_waiting"), std::string::npos) << gateway.log();
}

TEST_F(ReloadContract, what_the_command_line_says_in_place_of_the_file_is_no_change) {
  const std::string yaml = "listen: [\"127.0.0.1:1\"]\nmcpServers:\n" + entry("s");
  GatewayProcess gateway(yaml, {"/bin/sh", "-c", "exec \"$@\" --listen 127.0.0.1:0", "sh"});
  const auto reloaded = gateway.cli({"reload"});
  EXPECT_EQ(reloaded.exit.code, 0) << reloaded.err;
  EXPECT_EQ(reloaded.out.find("needs a restart"), std::string::npos) << reloaded.out;
}

TEST_F(ReloadContract, a_stop_may_take_as_long_as_the_graces_of_what_runs_still) {
  const os::FakeManager manager;
  const std::string patient = std::string("  s:\n    command: ") + HOLDFAST_FIXTURE_SERVER +
                              "\n    stop: { eof: 20s, term: 25s, lost: 200ms }\n";
  GatewayProcess gateway(kHead + patient, {"/usr/bin/env", "NOTIFY_SOCKET=" + manager.address()});
  auto client = connect(gateway, "s");
  EXPECT_NE(call(*client, "pid"), "");
  gateway.configure(kHead + entry("t"));
  ASSERT_EQ(gateway.cli({"reload"}).exit.code, 0);
  const auto servers = gateway.cli({"servers"}).out;
  EXPECT_NE(servers.find("removed"), std::string::npos) << servers;
  gateway.program().signal(SIGTERM);
  ASSERT_TRUE(gateway.program().wait(20s)) << gateway.log();
  std::string said;
  for (std::string word = manager.heard(); !word.empty(); word = manager.heard()) said += word + "\n";
  EXPECT_NE(said.find("EXTEND_TIMEOUT_USEC=57000000\n"), std::string::npos) << said;  // drain 2 s, and 10 s
}

TEST_F(ReloadContract, sighup_adds_removes_and_names_what_needs_a_restart) {
  GatewayProcess gateway(kHead + entry("s", kShared) +
                         "jobs:\n  old: { schedule: every 366d, steps: [s__echo] }\n");
  gateway.configure("listen: [\"127.0.0.1:1\"]\ndrain: 2s\nmcpServers:\n" + entry("u", kShared) +
                    "jobs:\n  fresh: { schedule: every 366d, steps: [u__echo] }\n");
  gateway.program().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return gateway.log().find("gateway.reloaded") != std::string::npos; }));
  EXPECT_TRUE(eventually([&] { return gateway.log().find("option=listen") != std::string::npos; }))
      << gateway.log();
  const auto servers = gateway.cli({"servers"}).out;
  EXPECT_NE(servers.find("u "), std::string::npos) << servers;
  EXPECT_EQ(servers.find("\ns "), std::string::npos) << servers;
  EXPECT_EQ(gateway.cli({"job", "run", "fresh"}).exit.code, 0);
  EXPECT_EQ(gateway.cli({"job", "run", "old"}).exit.code, 1);
  const auto again = gateway.cli({"reload"});
  EXPECT_NE(again.out.find("needs a restart of the gateway: listen"), std::string::npos) << again.out;
}

TEST_F(ReloadContract, a_run_under_way_survives_the_removal_of_its_job) {
  GatewayProcess gateway(kHead + entry("s") +
                         "jobs:\n  long: { schedule: every 366d, steps: [{ tool: s__sleep, arguments: { ms: "
                         "1500 } }] }\n");
  ASSERT_EQ(gateway.cli({"job", "run", "long", "--no-wait"}).exit.code, 0);
  ASSERT_TRUE(eventually([&] { return gateway.cli({"ps"}).out.find("long/") != std::string::npos; }));
  gateway.configure(kHead + entry("s", "    env: { A: b }\n"));
  ASSERT_EQ(gateway.cli({"reload"}).exit.code, 0);
  EXPECT_NE(gateway.cli({"jobs"}).out.find("long"), std::string::npos) << "a run of it is under way";
  EXPECT_TRUE(eventually([&] { return gateway.log().find("run.finished") != std::string::npos; }));
  EXPECT_NE(gateway.log().find("state=ok"), std::string::npos) << gateway.log();
  EXPECT_EQ(gateway.cli({"jobs"}).out.find("long"), std::string::npos);
}

TEST_F(ReloadContract, stop_and_restart_by_name) {
  GatewayProcess gateway(kHead + entry("s", kShared));
  auto client = connect(gateway, "s");
  const auto pid = call(*client, "pid");
  const auto restarted = gateway.cli({"restart", "s"});
  EXPECT_EQ(restarted.exit.code, 0) << restarted.err;
  EXPECT_EQ(restarted.out, "s: 1 instance stopped; the next call starts it again\n");
  EXPECT_NE(call(*client, "pid"), pid);
  client->write(
      R"({"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}})"
      "\n");
  ASSERT_TRUE(eventually([&] { return gateway.cli({"ps"}).out.find(" 1 ") != std::string::npos; }));
  const auto in_use = gateway.cli({"stop", "s"});
  EXPECT_EQ(in_use.exit.code, 1);
  EXPECT_NE(
      in_use.err.find("is still used by 1 call in flight; it stops as soon as it is let go (--force: now)"),
      std::string::npos)
      << in_use.err;
  const auto forced = gateway.cli({"stop", "s", "--force"});
  EXPECT_EQ(forced.exit.code, 0) << forced.err;
  const auto answer = client->read_line(5s).value_or("");
  EXPECT_NE(answer.find("holdfast stop --force"), std::string::npos) << answer;
  EXPECT_EQ(gateway.cli({"stop", "nobody"}).exit.code, 1);
}

}  // namespace
}  // namespace holdfast::test
