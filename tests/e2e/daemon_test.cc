// The contract on the real programs: what holds when clients and the gateway itself die.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <sstream>

#include "base/ids.h"
#include "base/test_support.h"
#include "needs.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

const std::string kStubborn = std::string("command: ") + HOLDFAST_FIXTURE_SERVER +
                              "\n    args: [--ignore-eof, --ignore-term, --double-fork]\n"
                              "    stop: { eof: 200ms, term: 200ms, lost: 200ms }\n";

std::string config_with(const std::string& servers, const std::string& rest = "") {
  return "listen: [\"127.0.0.1:0\"]\ndrain: 2s\nmcpServers:\n" + servers + rest;
}

class DaemonContract : public ProgramsTest {};

TEST_F(DaemonContract, run_ends_by_client_kill_moves_survivors_to_orphans) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  auto dead = connect(gateway, "s");
  auto alive = connect(gateway, "s");
  ASSERT_EQ(servers(), 4);  // two trees of two
  dead->signal(SIGKILL);
  EXPECT_TRUE(servers_become(2, 5s)) << to_string(living_servers());
  alive->write(
      R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}})"
      "\n");
  const auto answer = alive->read_line(5s);
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("\"id\":\"x\""), std::string::npos) << *answer;
}

TEST_F(DaemonContract, client_that_ends_politely_releases_its_server) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  auto client = connect(gateway, "s");
  client->close_stdin();
  const auto exit = client->wait(5s);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
  EXPECT_TRUE(servers_become(0, 5s)) << to_string(living_servers());
}

TEST_F(DaemonContract, gateway_sigkill_leaves_nothing) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  std::array<std::unique_ptr<Program>, 5> clients;
  for (auto& client : clients) client = connect(gateway, "s");
  ASSERT_EQ(servers(), 10);
  gateway.program().signal(SIGKILL);
  EXPECT_TRUE(servers_become(0, 2s)) << to_string(living_servers());
  for (auto& client : clients) {
    client->close_stdin();
    EXPECT_TRUE(client->wait(5s)) << "a client that nobody needs any more hangs on a dead gateway";
  }
}

TEST_F(DaemonContract, a_client_finds_the_gateway_that_comes_after_a_killed_one) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  auto client = connect(gateway, "s");
  client->write(
      R"({"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}})"
      "\n");
  const auto calling = [&] {
    std::string said = gateway.cli({"ps", "--json"}).out;
    std::erase(said, ' ');
    return said.find(R"("calls_in_flight":1)") != std::string::npos;
  };
  ASSERT_TRUE(until(calling, 5s));
  gateway.program().signal(SIGKILL);
  const auto lost = client->read_line(5s);
  ASSERT_TRUE(lost);
  EXPECT_NE(lost->find(R"("id":"slow","error")"), std::string::npos) << *lost;
  ASSERT_TRUE(gateway.program().wait(5s));
  EXPECT_TRUE(servers_become(0, 5s)) << to_string(living_servers());
  gateway.start();
  EXPECT_NE(call(*client, "echo", R"({"text":"again"})").find("again"), std::string::npos);
  EXPECT_EQ(servers(), 2);
}

TEST_F(DaemonContract, gateway_sigkill_in_the_middle_of_starts_leaves_nothing) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  for (int round = 0; round < 10; ++round) {
    std::array<std::unique_ptr<Program>, 4> clients;
    for (auto& client : clients) client = begin_connect(gateway, "s");
    (void)::usleep(
        static_cast<useconds_t>(3000 + round * 3000));  // the moment of the kill is the test's variable
    gateway.program().signal(SIGKILL);
    EXPECT_TRUE(servers_become(0, 3s)) << "round " << round << "\n" << to_string(living_servers());
    for (auto& client : clients) client.reset();
    EXPECT_TRUE(gateway.program().wait(5s));  // until then the state directory is its own
    gateway.start();
  }
}

TEST_F(DaemonContract, gateway_and_keepers_killed_in_one_stroke_leave_nothing_after_the_next_start) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  auto client = connect(gateway, "s");
  gateway.program().signal(SIGSTOP);  // so that it cannot take over before it dies itself
  for (const auto& living : living_descendants()) {
    if (!living.keeper) continue;
    if (const auto handle = os::PidFd::open(living.pid)) (void)handle->signal(SIGKILL);
  }
  gateway.program().signal(SIGKILL);
  EXPECT_TRUE(gateway.program().wait(5s));
  gateway.start();
  EXPECT_TRUE(servers_become(0, 5s)) << to_string(living_servers()) << gateway.log();
}

// As `ulimit -f` in a service's script: the kernel's signal for it ends a process that does not expect it.
TEST_F(DaemonContract, a_limit_on_the_size_of_files_ends_nobody) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  auto client = connect(gateway, "s");
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ASSERT_EQ(::prlimit(gateway.program().pid(), RLIMIT_FSIZE, &none, nullptr), 0);
  const auto refused = gateway.cli({"call", "s__echo", "text=here"});
  EXPECT_NE(refused.exit.code, 0) << "a tree that cannot be recorded is not started";
  EXPECT_NE(refused.err.find("File too large"), std::string::npos) << refused.err;
  client->write(
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"still"}}})"
      "\n");
  const auto answer = client->read_line(5s);
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("still"), std::string::npos) << *answer;
  EXPECT_EQ(gateway.cli({"status"}).exit.code, 0);
}

// The line's length is the server's choice.
TEST_F(DaemonContract, a_line_that_there_is_no_memory_for_costs_its_server_alone) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn + "  big:\n    " + kStubborn));
  auto client = connect(gateway, "s"), loud = connect(gateway, "big");  // their servers have no such limit
  const rlim_t most =
      rlim_t{72} << 20;  // an idle gateway with the stacks of its threads, and less than the line besides
  const rlimit limit{.rlim_cur = most, .rlim_max = most};
  ASSERT_EQ(::prlimit(gateway.program().pid(), RLIMIT_DATA, &limit, nullptr), 0);
  const auto failed = call(*loud, "big", R"({"bytes":60000000})");
  EXPECT_NE(failed.find("there is no memory for what the server sends"), std::string::npos) << failed;
  EXPECT_NE(call(*client, "echo", R"({"text":"still"})").find("still"), std::string::npos) << gateway.log();
}

TEST_F(DaemonContract, sigterm_drains_and_leaves_nothing) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  auto client = connect(gateway, "s");
  client->write(
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"sleep","arguments":{"ms":1000}}})"
      "\n");
  ASSERT_TRUE(until(
      [&] { return gateway.cli({"ps", "--json"}).out.find("\"calls_in_flight\": 1") != std::string::npos; },
      5s));
  gateway.program().signal(SIGTERM);
  const auto answer = client->read_line(5s);
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("\"result\""), std::string::npos)
      << "the call in flight was not drained: " << *answer;
  const auto exit = gateway.program().wait(5s);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
  EXPECT_EQ(servers(), 0);
}

// As `serve 2>&1 | less` is, or a collector that was stopped.
TEST_F(DaemonContract, I9_a_log_that_nobody_reads_holds_up_nothing) {
  const auto fifo = std::filesystem::temp_directory_path() / ("holdfast-log-" + random_hex(6));
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  UniqueFd reader(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  {
    GatewayProcess gateway(config_with("  s:\n    " + kStubborn),
                           {"/bin/sh", "-c", "exec \"$@\" 2>" + fifo.string(), "sh"});
    for (int i = 0; i < 120; ++i)  // at debug, some hundred bytes for the session of each
      ASSERT_EQ(gateway.cli({"call", "s__echo", "text=here"}).exit.code, 0) << i;
    std::string text(1 << 20, '\0');
    const auto full = ::read(reader.get(), text.data(), text.size());
    ASSERT_GT(full, 60'000) << "the pipe was never full: this says nothing";
    EXPECT_EQ(gateway.cli({"call", "s__echo", "text=here"}).exit.code, 0);
    const auto rest = ::read(reader.get(), text.data(), text.size());
    ASSERT_GT(rest, 0);
    EXPECT_THAT(text.substr(0, static_cast<std::size_t>(rest)), testing::HasSubstr("log.dropped lines="));
    gateway.program().signal(SIGTERM);
    const auto exit = gateway.program().wait(10s);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
  }
  std::filesystem::remove(fifo);
}

TEST_F(DaemonContract, L11_a_second_gateway_on_the_same_state_says_whose_it_is_and_exits_75) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  const auto second = gateway.cli({"serve", "--config", gateway.dir() / "config.yaml"});
  EXPECT_EQ(second.exit.code, 75);
  EXPECT_EQ(second.err, "holdfast: another gateway (pid " + std::to_string(gateway.program().pid()) +
                            ") owns " + (gateway.dir() / "state").string() + "\n");
}

// Neither may an action wait in its socket, and be done when it goes on.
TEST_F(DaemonContract, a_stopped_gateway_is_given_up_after_seconds_with_exit_69) {
  GatewayProcess gateway(config_with("  s:\n    " + kStubborn));
  gateway.program().signal(SIGSTOP);
  const Output looked = gateway.cli({"status"}), acted = gateway.cli({"shutdown"});
  gateway.program().signal(SIGCONT);
  EXPECT_EQ(looked.exit.code, 69) << looked.err;
  EXPECT_NE(looked.err.find("no sign of life in 5s"), std::string::npos) << looked.err;
  EXPECT_EQ(acted.exit.code, 69) << acted.err;
  EXPECT_EQ(gateway.cli({"status"}).exit.code, 0);
}

TEST_F(DaemonContract, a_start_that_fails_says_what_would_help) {
  const auto state =
      std::filesystem::temp_directory_path() / ("holdfast-state-" + std::to_string(::getpid()));
  std::filesystem::create_directories(state);
  const auto file = state / "config.yaml";
  std::ofstream(file) << config_with("  s:\n    " + kStubborn);
  std::ofstream(state / "holdfast.db") << std::string(8192, 'x');
  const auto damaged = run_program(HOLDFAST_PROGRAM, {"serve", "--config", file, "--state-dir", state}, 10s);
  EXPECT_EQ(damaged.exit.code, 1);
  EXPECT_NE(damaged.err.find("advice=\"the history is damaged: move " + (state / "holdfast.db").string()),
            std::string::npos)
      << damaged.err;
  std::filesystem::remove_all(state);
}

// A user's limit counts threads too.
TEST_F(DaemonContract, I9_without_a_thread_it_refuses_with_the_reason) {
  HOLDFAST_NEEDS("root", ::geteuid() == 0, "to become a user with a limit of his own");
  int refused = 0, limit = 1;
  for (bool served = false; !served && ++limit < 40;) {
    const std::string as_user =
        "chown -R 64998 \"$(dirname \"$4\")\"; exec setpriv --reuid 64998 --clear-groups " +
        std::string("prlimit --nproc=") + std::to_string(limit) + " \"$@\"";
    try {
      GatewayProcess gateway(config_with("  s:\n    " + kStubborn), {"/bin/sh", "-c", as_user, "sh"});
      served = true;
    } catch (const std::runtime_error& e) {
      ++refused;
      EXPECT_THAT(e.what(), testing::HasSubstr("gateway.failed")) << limit;
      EXPECT_THAT(e.what(), testing::HasSubstr("advice=\"too few processes and threads")) << limit;
    }
  }
  EXPECT_GE(refused, 3);
  EXPECT_LT(limit, 40);
}

TEST_F(DaemonContract, broken_configuration_is_refused_whole_with_every_error_and_exit_78) {
  const auto dir = std::filesystem::temp_directory_path();
  const auto file = dir / ("holdfast-broken-" + std::to_string(::getpid()) + ".yaml");
  FILE* out = std::fopen(file.c_str(), "w");
  std::fputs(
      "drain: soon\nmcpServers:\n  a: { command: x, sharing: everybody }\njobs:\n  j: { schedule: \"0 25 * * "
      "*\" }\n",
      out);
  std::fclose(out);
  const auto result = run_program(HOLDFAST_PROGRAM, {"check", file}, 10s);
  EXPECT_EQ(result.exit.code, 78);
  const std::string text = result.out + result.err;
  for (const char* expected : {":1:8:", "sharing", ":5:", "25"})
    EXPECT_NE(text.find(expected), std::string::npos) << text;
  const auto served = run_program(HOLDFAST_PROGRAM, {"serve", "--config", file}, 10s);
  EXPECT_EQ(served.exit.code, 78);
  EXPECT_TRUE(served.err.ends_with("\nholdfast: nothing was started: mend the errors above first\n"))
      << served.err;
  std::filesystem::remove(file);
}

TEST_F(DaemonContract, what_is_wrong_with_a_file_that_is_served_is_told_as_the_log_is) {
  const auto yaml = config_with("  t: { command: x, env: { A: \"${HOLDFAST_UNSET}\" } }\n");
  GatewayProcess json(yaml, {"/bin/sh", "-c", "exec \"$@\" --log-format json", "sh"});
  std::istringstream lines(json.log());
  std::string first;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.starts_with("{") && line.ends_with("}")) << line;
    if (first.empty()) first = line;
  }
  EXPECT_THAT(first, testing::AllOf(testing::HasSubstr("configuration.problem"),
                                    testing::HasSubstr("error: mcpServers.t.env.A: ")));
  EXPECT_THAT(GatewayProcess(yaml).log(),
              testing::MatchesRegex("20[0-9T:.+-]+ warning configuration.problem .*"));
  const auto status = json.cli({"status"});
  EXPECT_THAT(status.out, testing::HasSubstr("1 unusable")) << status.err;
  EXPECT_THAT(status.out, testing::HasSubstr("warning   server t is not started: ")) << status.err;
}

TEST_F(DaemonContract, an_entry_with_an_unset_variable_spares_the_others) {
  GatewayProcess gateway(
      config_with("  s:\n    " + kStubborn + "  t: { command: x, env: { A: \"${HOLDFAST_UNSET}\" } }\n"));
  const auto listed = gateway.cli({"servers"});
  EXPECT_NE(listed.out.find("unusable"), std::string::npos) << listed.out << listed.err;
  EXPECT_NE(listed.out.find("ready"), std::string::npos) << listed.out << listed.err;
}

// No PID namespace can be made in here: the first of a user namespace without any.
const std::vector<std::string> kWithoutPidNamespaces{
    "/usr/bin/unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    "echo 0 >/proc/sys/user/max_pid_namespaces && exec \"$@\"",
    "sh"};

bool may_make_user_namespaces() {
  return run_program("/usr/bin/unshare", {"--user", "--map-root-user", "true"}, 10s).exit.code == 0;
}

TEST_F(DaemonContract, a_required_rung_that_is_not_offered_is_a_reason_not_to_start) {
  HOLDFAST_NEEDS("user_pidns", may_make_user_namespaces(), "no user namespaces here");
  TempDir dir;
  const auto file = dir.path() / "config.yaml";
  std::ofstream(file) << "custody: { require: pidns }\n" << config_with("  s:\n    " + kStubborn);
  auto words = kWithoutPidNamespaces;
  for (const std::string& word :
       {std::string(HOLDFAST_PROGRAM), std::string("serve"), std::string("--config"), file.string(),
        std::string("--state-dir"), (dir.path() / "state").string()})
    words.push_back(word);
  words.erase(words.begin());
  const auto result = run_program("/usr/bin/unshare", words, 10s);
  EXPECT_EQ(result.exit.code, 1);
  EXPECT_NE(result.err.find("pidns=\"no(pid namespace: No space left on device)\""), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("requires pidns"), std::string::npos) << result.err;
}

TEST_F(DaemonContract, an_entry_that_asks_for_a_pid_namespace_is_not_started_on_less) {
  HOLDFAST_NEEDS("user_pidns", may_make_user_namespaces(), "no user namespaces here");
  GatewayProcess gateway(
      config_with("  s:\n    isolation: pidns\n    " + kStubborn + "  t:\n    " + kStubborn),
      kWithoutPidNamespaces);
  const auto listed = gateway.cli({"servers"});
  EXPECT_NE(listed.out.find("isolation: pidns cannot be had here: pid namespace: No space left on device"),
            std::string::npos)
      << listed.out << listed.err;
  auto client = connect(gateway, "t");
  EXPECT_EQ(servers(), 2) << "the other entry";
}

TEST_F(DaemonContract, a_server_in_a_pid_namespace_is_gone_at_once_whoever_is_killed) {
  GatewayProcess gateway(config_with("  s:\n    isolation: pidns\n    " + kStubborn));
  HOLDFAST_NEEDS("pidns", gateway.log().contains("pidns=yes"), gateway.log());
  auto client = connect(gateway, "s");
  ASSERT_EQ(servers(), 2);
  const auto listed = gateway.cli({"ps", "--json"});
  EXPECT_NE(listed.out.find("\"rung\": \"pidns\""), std::string::npos) << listed.out;
  for (const auto& living : living_servers())
    if (living.comm == "mcp_server")
      EXPECT_NE(listed.out.find(std::to_string(living.pid)), std::string::npos) << "not as seen from outside";
  const auto drawn = gateway.cli({"ps", "--tree"});
  EXPECT_NE(drawn.out.find("     └─ "), std::string::npos) << drawn.out;
  EXPECT_NE(drawn.out.find("holdfast-init"), std::string::npos) << drawn.out;
  gateway.program().signal(SIGSTOP);
  for (const auto& living : living_descendants()) {
    if (!living.keeper) continue;
    if (const auto handle = os::PidFd::open(living.pid)) (void)handle->signal(SIGKILL);
  }
  gateway.program().signal(SIGKILL);
  EXPECT_TRUE(gateway.program().wait(5s));
  EXPECT_TRUE(servers_become(0, 1s)) << to_string(living_servers());
}

TEST_F(DaemonContract, require_pidns_is_every_servers_and_every_commands_isolation) {
  GatewayProcess gateway(
      config_with("  s:\n    " + kStubborn,
                  "custody: { require: pidns }\njobs:\n  hello:\n    schedule: every 366d\n"
                  "    command: [/bin/sh, -c, \"echo i-am-$$\"]\n"));
  HOLDFAST_NEEDS("pidns", gateway.log().contains("pidns=yes"), gateway.log());
  auto client = connect(gateway, "s");
  const auto listed = gateway.cli({"ps", "--json"});
  EXPECT_NE(listed.out.find("\"rung\": \"pidns\""), std::string::npos) << listed.out;
  EXPECT_EQ(gateway.cli({"job", "run", "hello"}).exit.code, 0);
  const auto log = gateway.cli({"job", "log", "hello"});
  EXPECT_NE(log.out.find("i-am-2"), std::string::npos) << log.out << log.err;
}

TEST_F(DaemonContract, command_job_dies_with_its_run_and_its_log_is_kept) {
  GatewayProcess gateway(
      config_with("  s:\n    " + kStubborn,
                  "jobs:\n  hello:\n    schedule: every 366d\n"
                  "    command: [/bin/sh, -c, \"echo from-the-job; (setsid sleep 300 &) ; exit 3\"]\n"));
  const auto run = gateway.cli({"job", "run", "hello", "--json"});
  EXPECT_NE(run.exit.code, 69) << run.err;
  const auto log = gateway.cli({"job", "log", "hello"});
  EXPECT_NE(log.out.find("from-the-job"), std::string::npos) << log.out << log.err;
  const auto history = gateway.cli({"job", "history", "hello", "--json"});
  EXPECT_NE(history.out.find("failed"), std::string::npos) << history.out;
  const auto sleepers = [] {
    int count = 0;
    for (const auto& living : living_servers()) count += living.comm == "sleep" ? 1 : 0;
    return count;
  };
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (sleepers() > 0 && std::chrono::steady_clock::now() < deadline) (void)::usleep(2000);
  EXPECT_EQ(sleepers(), 0) << to_string(living_servers());
}

}  // namespace
}  // namespace holdfast::test
