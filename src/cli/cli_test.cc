#include "cli/cli.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/state_lock.h"
#include "front/fakes.h"

namespace holdfast::cli {
namespace {

using namespace front::testing_tools;
using Json = nlohmann::ordered_json;

struct CliTest : testing::Test {
  FakeFront front;
  std::ostringstream out, err;
  std::istringstream in;
  milliseconds patience = 10s;

  int run(std::vector<std::string> arguments) {
    out.str("");
    err.str("");
    return cli::run(std::move(arguments), {.out = out,
                                           .err = err,
                                           .patience = patience,
                                           .environment =
                                               [this](std::string_view name) {
                                                 return name == "HOLDFAST_SOCKET"
                                                            ? std::optional(front.path.string())
                                                            : std::nullopt;
                                               },
                                           .in = in});
  }
};

// HOME is not set in these tests: a socket alone must be enough.
TEST_F(CliTest, facts_are_tables_or_json_and_options_stand_anywhere) {
  EXPECT_EQ(run({"--socket", front.path, "status"}), 0) << err.str();
  EXPECT_NE(out.str().find("gone with the gateway"), std::string::npos) << out.str();
  EXPECT_EQ(run({"--socket", "/nowhere", "status", "--json", "--socket", front.path}), 0) << err.str();
  EXPECT_EQ(Json::parse(out.str())["gateway"]["version"], "1.2.3");
  EXPECT_EQ(run({"--json", "job", "show", "digest", "--state-dir", front.dir.path}), 0);
  EXPECT_EQ(Json::parse(out.str())["name"], "digest");
}

TEST_F(CliTest, status_ends_with_what_ought_to_be_mended) {
  EXPECT_EQ(run({"status"}), 0) << err.str();
  EXPECT_EQ(out.str().find("warning"), std::string::npos) << out.str();
  front.warning = "the state is gone";
  EXPECT_EQ(run({"status"}), 0) << err.str();
  EXPECT_TRUE(out.str().ends_with("\nwarning   the state is gone\n")) << out.str();
}

TEST_F(CliTest, every_looking_verb_prints_something) {
  front.gateway.views.resize(1);
  for (const char* verb : {"status", "ps", "servers", "sessions", "jobs", "version"}) {
    EXPECT_EQ(run({verb}), 0) << verb << err.str();
    EXPECT_FALSE(out.str().empty()) << verb;
    EXPECT_EQ(run({verb, "--json"}), 0) << verb << err.str();
    EXPECT_TRUE(Json::accept(out.str())) << verb;
    EXPECT_EQ(run({verb, "--help"}), 0) << verb;
    EXPECT_NE(out.str().find("Example: holdfast"), std::string::npos) << verb;
  }
  EXPECT_EQ(run({"ps", "--tree"}), 0);
}

TEST_F(CliTest, an_idle_instance_says_until_when_and_a_held_one_by_whom) {
  front.gateway.views.resize(2);
  for (auto& view : front.gateway.views) view.id = "t";
  front.gateway.views[0].idle = true;
  front.gateway.views[0].stop_at = std::chrono::system_clock::now() + std::chrono::seconds(5430);
  front.gateway.views[1].leases.resize(1);
  front.gateway.views[1].leases[0].label = "digest/17";
  EXPECT_EQ(run({"ps"}), 0) << err.str();
  EXPECT_NE(out.str().find("UNTIL   RUN  HELD BY"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("in 90m  -    -\n"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("-       -    digest/17\n"), std::string::npos) << out.str();
  EXPECT_EQ(run({"ps", "--tree"}), 0);
  EXPECT_NE(out.str().find("held by digest/17"), std::string::npos) << out.str();
}

TEST_F(CliTest, why_says_who_holds_the_tree_of_a_process) {
  const std::string own = std::to_string(::getpid());
  EXPECT_EQ(run({"why", own}), 1);
  EXPECT_EQ(err.str(), "holdfast: process " + own + " (cli_test) is not ours\n");
  front.gateway.views.resize(1);
  auto& view = front.gateway.views[0];
  view.id = "memory-1", view.server = "memory", view.pid = ::getpid(),
  view.state = custody::TreeState::active;
  view.leases = {{.session = "5cfb", .label = "digest/17", .kind = gateway::SessionKind::job, .since = {}},
                 {.session = "77aa", .label = "inspector", .since = {}}};
  EXPECT_EQ(run({"why", own}), 0) << err.str();
  EXPECT_TRUE(out.str().starts_with(
      own + " (cli_test) is the first process of memory-1\nserver    memory, active, up -\n"))
      << out.str();
  EXPECT_NE(out.str().find("held by   digest/17, a run of the job digest, session 5cfb, for "),
            std::string::npos)
      << out.str();
  EXPECT_NE(out.str().find("\n          inspector, a client, session 77aa, for "), std::string::npos)
      << out.str();
  view.leases.clear(), view.idle = true;
  view.stop_at = std::chrono::system_clock::now() + std::chrono::seconds(5430);
  EXPECT_EQ(run({"why", own}), 0);
  EXPECT_NE(out.str().find("nobody; its server's policy keeps it, stops in 90m\n"), std::string::npos)
      << out.str();
  EXPECT_EQ(run({"why", own, "--json"}), 0);
  EXPECT_EQ(Json::parse(out.str())["role"], "leader");
  for (const char* wrong : {"0", "-3", "memory"}) EXPECT_EQ(run({"why", wrong}), 2) << wrong;
  EXPECT_EQ(run({"why"}), 2);
}

TEST_F(CliTest, exit_codes_say_what_happened) {
  EXPECT_EQ(run({"call", "memory__text"}), 0) << err.str();
  EXPECT_EQ(out.str(), "hello\n");
  EXPECT_EQ(run({"call", "memory__toolerror"}), 1);
  EXPECT_EQ(out.str(), "bad\n");
  EXPECT_EQ(run({"call", "memory__fail"}), 1);
  EXPECT_EQ(err.str(), "holdfast: unknown tool\n");
  EXPECT_EQ(run({"call", "nobody__x"}), 1);
  EXPECT_EQ(run({"call", "memory__sloppy"}), 1);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(
      err.str(),
      "holdfast: memory__sloppy gave no valid result: isError is neither true nor false; --json shows what "
      "came\n");
  EXPECT_EQ(run({"call", "memory__sloppy", "--json"}), 1);
  EXPECT_EQ(Json::parse(out.str())["isError"], "yes");
  EXPECT_EQ(run({"call", "memory__partless"}), 1);
  EXPECT_NE(err.str().find("content is not a list"), std::string::npos) << err.str();
  EXPECT_EQ(run({"call", "memory"}), 2);
  EXPECT_EQ(run({"call", "memory__echo", "--arguments", "[1]"}), 2);
  EXPECT_EQ(run({"statsu"}), 2);
  EXPECT_EQ(err.str(), "holdfast: holdfast has no verb 'statsu'; did you mean 'status'?\n");
  EXPECT_EQ(run({"nonsense"}), 2);
  EXPECT_TRUE(err.str().starts_with("holdfast: holdfast has no verb 'nonsense'; it has status, ps, "))
      << err.str();
  EXPECT_EQ(run({""}), 2);
  EXPECT_TRUE(err.str().starts_with("holdfast: holdfast has no verb ''; it has status")) << err.str();
  EXPECT_EQ(run({"--nonsense", "status"}), 2);
  EXPECT_NE(err.str().find("--nonsense"), std::string::npos) << err.str();
  EXPECT_EQ(run({"job", "nonsense", "x"}), 2);
  EXPECT_EQ(err.str(),
            "holdfast: job has no verb 'nonsense'; it has run, show, history, log, cancel, next\n");
  EXPECT_EQ(run({"nonsense", "--help"}), 0);
  EXPECT_EQ(run({"job"}), 2);
  EXPECT_EQ(err.str(), "holdfast: job needs a verb; it has run, show, history, log, cancel, next\n");
  EXPECT_EQ(run({}), 2);
  EXPECT_TRUE(err.str().starts_with("holdfast: holdfast needs a verb; it has status, ps, ")) << err.str();
  EXPECT_EQ(run({"status", "--nonsense"}), 2);
  EXPECT_TRUE(err.str().starts_with("holdfast: ")) << err.str();
  EXPECT_EQ(std::ranges::count(err.str(), '\n'), 1) << err.str();
  for (const char* option : {"--state-dir", "--socket", "--config"}) {
    EXPECT_EQ(run({"status", option, ""}), 2) << option;
    EXPECT_NE(err.str().find("must not be empty"), std::string::npos) << err.str();
    EXPECT_EQ(run({std::string(option) + "=", "status"}), 2) << option;
    EXPECT_EQ(err.str(), "holdfast: " + std::string(option) + "= needs a path\n");
  }
  EXPECT_EQ(run({"status", "--socket", "/" + std::string(107, 'x')}), 2);
  EXPECT_NE(err.str().find("at most 107 bytes"), std::string::npos) << err.str();
  EXPECT_EQ(run({"status", "--socket", "/" + std::string(106, 'x')}), 69);
  EXPECT_EQ(run({"serve", "--listen", "example.org:0"}), 2);
  EXPECT_NE(err.str().find("the host must be an IP address"), std::string::npos) << err.str();
  EXPECT_EQ(run({"serve", "--listen", "127.0.0.1:0", "--listen", "unix:/nowhere/s"}), 0) << err.str();
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_EQ(run({"status", "--socket", front.dir.path / "nothing"}), 69);
  EXPECT_NE(err.str().find("no gateway answers"), std::string::npos);
}

TEST_F(CliTest, help_is_a_verb_too) {
  ASSERT_EQ(run({"--help"}), 0);
  const auto all = out.str();
  EXPECT_EQ(run({"help"}), 0);
  EXPECT_EQ(out.str(), all);
  EXPECT_EQ(run({"help", "job", "run"}), 0);
  EXPECT_NE(out.str().find("holdfast job run digest"), std::string::npos) << out.str();
}

TEST_F(CliTest, check_without_a_file_says_where_it_looked) {
  if (std::filesystem::exists("/etc/holdfast/config.yaml")) return;
  EXPECT_EQ(run({"check"}), 78);
  EXPECT_EQ(
      err.str(),
      "holdfast: no configuration: looked for /etc/holdfast/config.yaml; --config or HOLDFAST_CONFIG names "
      "another\n");
}

// What is empty is not "not given": a script's unset variable must not cancel every run.
TEST_F(CliTest, an_empty_name_is_no_name) {
  for (const std::vector<std::string>& verb : {std::vector<std::string>{"job", "cancel", "digest", ""},
                                               {"job", "cancel", ""},
                                               {"job", "log", "digest", ""},
                                               {"tools", ""},
                                               {"logs", ""},
                                               {"stop", ""},
                                               {"restart", ""},
                                               {"connect", "--server", ""},
                                               {"check", ""}}) {
    EXPECT_EQ(run(verb), 2) << verb[0];
    EXPECT_NE(err.str().find("must not be empty"), std::string::npos) << err.str();
  }
  EXPECT_EQ(run({"job", "history", "digest", "--limit", "-1"}), 2);
  EXPECT_NE(err.str().find("--limit"), std::string::npos) << err.str();
  EXPECT_EQ(run({"job", "log", "digest", "17"}), 0) << err.str();
}

TEST_F(CliTest, a_dead_socket_is_69_and_a_closed_door_77) {
  const auto dead = front.dir.path / "dead.sock";
  {
    asio::io_context loop;
    asio::local::stream_protocol::acceptor bound(loop, asio::local::stream_protocol::endpoint(dead.string()));
  }
  EXPECT_EQ(run({"status", "--socket", dead}), 69);
  std::vector<std::string> seen;
  const auto forbidding = front.dir.path / "no.sock";
  front.thread.on([&] {
    auto listener = net::Listener::open(front.thread.loop.get_executor(), unix_address(forbidding.string()));
    front.server->serve(
        std::move(*listener), {.handler = [](front::Request) -> asio::awaitable<front::Response> {
          co_return front::Response{
              .status = 403, .body = R"({"error":{"code":"x","message":"not you"}})", .headers = {}};
        }});
  });
  EXPECT_EQ(run({"status", "--socket", forbidding}), 77);
  EXPECT_EQ(err.str(), "holdfast: not you\n");
}

TEST_F(CliTest, a_gateway_with_no_connection_left_says_so) {
  const auto socket = front.dir.path / "full.sock";
  std::unique_ptr<front::HttpServer> full;
  front.thread.on([&] {
    full = front::HttpServer::create(front.thread.loop.get_executor(), {.connections = 0});
    auto listener = net::Listener::open(front.thread.loop.get_executor(), unix_address(socket.string()));
    full->serve(std::move(*listener), {.handler = [](front::Request) -> asio::awaitable<front::Response> {
                  co_return front::Response{};
                }});
  });
  for (const std::vector<std::string>& verb :
       {std::vector<std::string>{"status"}, {"sweep"}, {"shutdown"}, {"connect", "--server", "memory"}}) {
    auto arguments = verb;
    arguments.insert(arguments.end(), {"--socket", socket});
    EXPECT_EQ(run(arguments), 1) << verb[0];
    EXPECT_EQ(err.str(),
              "holdfast: all 0 connections that this gateway allows here are in use; try again later\n")
        << verb[0];
  }
  front.thread.on([&] { full.reset(); });
}

// To a client a stopped gateway is a socket that the kernel connects and nobody reads.
TEST_F(CliTest, a_gateway_that_shows_no_life_is_69_soon_whatever_was_asked) {
  const auto socket = front.dir.path / "stopped.sock";
  asio::io_context loop;
  asio::local::stream_protocol::acceptor stopped(loop,
                                                 asio::local::stream_protocol::endpoint(socket.string()));
  patience = 50ms;
  const std::vector<std::vector<std::string>> verbs{{"status"},
                                                    {"ps"},
                                                    {"ps", "--tree"},
                                                    {"servers"},
                                                    {"sessions"},
                                                    {"tools"},
                                                    {"logs", "memory"},
                                                    {"logs", "memory", "-f"},
                                                    {"jobs"},
                                                    {"job", "show", "digest"},
                                                    {"job", "history", "digest"},
                                                    {"job", "log", "digest"},
                                                    {"job", "run", "digest"},
                                                    {"job", "run", "digest", "--no-wait"},
                                                    {"job", "cancel", "digest"},
                                                    {"call", "memory__text"},
                                                    {"sweep"},
                                                    {"shutdown"},
                                                    {"connect", "--server", "memory"}};
  for (auto verb : verbs) {
    const std::string name = verb.front() + " " + verb.back();
    verb.insert(verb.end(), {"--socket", socket});
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(run(verb), 69) << name;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 3s) << name;
    EXPECT_EQ(out.str(), "") << name;
    EXPECT_EQ(err.str(),
              "holdfast: the gateway does not answer: no sign of life in 50ms; is its process stopped?\n")
        << name;
  }
}

TEST_F(CliTest, work_may_take_longer_than_a_sign_of_life) {
  patience = 500ms;
  EXPECT_EQ(run({"call", "memory__late"}), 0) << err.str();
}

TEST_F(CliTest, arguments_are_json_where_they_are_json_and_text_where_not) {
  ASSERT_EQ(run({"call", "memory__echo", "n=3", "b=true", "s=a=b", "o={\"x\":[1]}", "--json"}), 0)
      << err.str();
  EXPECT_EQ(Json::parse(out.str())["arguments"].dump(), R"({"n":3,"b":true,"s":"a=b","o":{"x":[1]}})");
  ASSERT_EQ(run({"call", "memory__echo", "--arguments", R"({"a":1})", "--json"}), 0);
  EXPECT_EQ(Json::parse(out.str())["arguments"].dump(), R"({"a":1})");
}

TEST_F(CliTest, tools_of_some_servers_are_printed_with_the_errors_of_others) {
  EXPECT_EQ(run({"tools", "memory"}), 0) << err.str();
  EXPECT_NE(out.str().find("memory__read_graph"), std::string::npos);
  EXPECT_EQ(run({"tools"}), 1);
  EXPECT_NE(out.str().find("memory__read_graph"), std::string::npos);
  EXPECT_NE(err.str().find("broken: "), std::string::npos);
}

TEST_F(CliTest, jobs_run_and_wait_show_their_log_and_are_cancelled) {
  EXPECT_EQ(run({"job", "run", "digest"}), 0) << err.str();
  EXPECT_EQ(out.str(), "run 17 ok\n");
  front.scheduler.final_state = "failed";
  EXPECT_EQ(run({"job", "run", "digest", "--wait", "1s"}), 1);
  EXPECT_EQ(run({"job", "run", "digest", "--no-wait"}), 0);
  EXPECT_EQ(run({"job", "run", "nobody"}), 1);
  EXPECT_EQ(err.str(), "holdfast: job nobody: not found\n");
  EXPECT_EQ(run({"job", "history", "digest"}), 0);
  EXPECT_EQ(run({"job", "cancel", "digest", "17"}), 0);
  EXPECT_EQ(out.str(), "cancelled 1\n");
  front.scheduler.log = front.dir.path / "run.log";
  std::ofstream(front.scheduler.log) << std::string(600'000, 'x') << "end\n";
  EXPECT_EQ(run({"job", "log", "digest"}), 0);
  EXPECT_EQ(out.str().size(), 600'004U);
}

TEST_F(CliTest, sweep_logs_and_shutdown) {
  EXPECT_EQ(run({"sweep", "--dry-run"}), 0);
  EXPECT_EQ(out.str(), "would reap 1 of 3 trees: t-1\n");
  front.gateway.log = front.dir.path / "memory.log";
  std::ofstream(front.gateway.log) << "hello from stderr\n";
  EXPECT_EQ(run({"logs", "memory"}), 0);
  EXPECT_EQ(out.str(), "hello from stderr\n");
  EXPECT_EQ(run({"shutdown", "--no-wait"}), 0);
  EXPECT_EQ(front.counts.shutdowns, 1);
}

TEST_F(CliTest, stop_and_restart_fail_while_somebody_uses_it_and_say_who) {
  EXPECT_EQ(run({"restart", "memory"}), 0) << err.str();
  EXPECT_EQ(out.str(), "memory: 1 instance stopped; the next call starts it again\n");
  gateway::InstanceView view;
  view.id = "t-1", view.server = "memory", view.draining = true, view.calls_in_flight = 2;
  view.state = custody::TreeState::active;
  view.leases.push_back(
      {.session = "5", .label = "digest/17", .kind = gateway::SessionKind::job, .since = {}});
  front.gateway.views = {view};
  EXPECT_EQ(run({"stop", "memory"}), 1);
  EXPECT_EQ(out.str(), "memory: 1 instance stopped\n");
  EXPECT_EQ(
      err.str(),
      "holdfast: memory: t-1 is still used by digest/17, 2 calls in flight; it stops as soon as it is let "
      "go (--force: now)\n");
  EXPECT_EQ(run({"stop", "memory", "--force", "--json"}), 0);
  EXPECT_EQ(Json::parse(out.str())["force"], true);
  EXPECT_EQ(run({"stop", "nobody"}), 1);
  EXPECT_EQ(run({"stop"}), 2);
}

TEST_F(CliTest, reload_prints_what_changed_or_every_error_and_78) {
  front.reloaded = {.file = "/c.yaml",
                    .applied = true,
                    .problems = {},
                    .servers = {{"a", "b"}, {"c"}, {}, 3},
                    .jobs = {{}, {}, {}, 2},
                    .needs_restart = {"listen"}};
  EXPECT_EQ(run({"reload"}), 0) << err.str();
  EXPECT_EQ(out.str(),
            "reloaded  /c.yaml\n"
            "servers   2 added (a, b), 1 changed (c), 3 unchanged\n"
            "jobs      2 unchanged\n"
            "needs a restart of the gateway: listen\n");
  EXPECT_EQ(run({"reload", "--json"}), 0);
  EXPECT_EQ(Json::parse(out.str())["needs_restart"][0], "listen");
  front.reloaded = {};
  front.reloaded.problems = {"/c.yaml:1:8: error: drain: soon"};
  EXPECT_EQ(run({"reload"}), 78);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(),
            "/c.yaml:1:8: error: drain: soon\n"
            "holdfast: the configuration has errors; nothing has changed\n");
}

TEST_F(CliTest, check_exits_78_on_a_broken_file_and_needs_no_gateway) {
  const auto file = front.dir.path / "config.yaml";
  std::ofstream(file) << "bad: [\n";
  EXPECT_EQ(run({"check", file, "--socket", "/nowhere"}), 78);
  EXPECT_NE(err.str().find("config.yaml:"), std::string::npos) << err.str();
  EXPECT_EQ(run({"check", file, "--json"}), 78);
  EXPECT_EQ(Json::parse(out.str())["ok"], false);
}

TEST_F(CliTest, check_says_which_entries_are_not_started_only_if_others_are) {
  const auto file = front.dir.path / "config.yaml";
  const std::string entry = "mcpServers: { a: { command: cat, env: { T: \"${HOLDFAST_UNSET}\" } } }\n";
  std::ofstream(file) << entry;
  EXPECT_EQ(run({"check", file}), 78);
  EXPECT_NE(err.str().find("holdfast: a will not be started: "), std::string::npos) << err.str();
  std::ofstream(file) << entry << "drain: soon\n";
  EXPECT_EQ(run({"check", file}), 78);
  EXPECT_EQ(err.str().find("will not be started"), std::string::npos) << err.str();
}

TEST_F(CliTest, an_answer_that_is_not_taken_is_no_success) {
  for (const auto& words : {std::vector<std::string>{"status"}, {"doctor"}, {"version"}, {"--help"}}) {
    std::ofstream full("/dev/full");
    err.str("");
    EXPECT_EQ(cli::run(words, {.out = full,
                               .err = err,
                               .environment =
                                   [this](std::string_view name) {
                                     return name == "HOLDFAST_SOCKET" ? std::optional(front.path.string())
                                                                      : std::nullopt;
                                   }}),
              1)
        << words.front();
    EXPECT_EQ(err.str(), "holdfast: standard output did not take the whole answer\n") << words.front();
  }
}

TEST_F(CliTest, check_counts_in_the_singular_too) {
  const auto file = front.dir.path / "config.yaml";
  std::ofstream(file) << "mcpServers: { a: { command: cat } }\n";
  EXPECT_EQ(run({"check", file}), 0) << err.str();
  EXPECT_TRUE(out.str().ends_with(": ok, 1 server, 0 jobs\n")) << out.str();
}

TEST_F(CliTest, check_warns_of_a_program_that_is_not_there) {
  const auto file = front.dir.path / "config.yaml";
  std::ofstream(front.dir.path / "text") << "x";
  std::ofstream(file) << "mcpServers:\n  a: { command: /no/such/program }\n  b: { command: nosuchprogram }\n"
                         "  c: { command: ./text }\n  d: { command: \"cat -n /etc/passwd\" }\n"
                         "  e: { command: cat }\n  f: { command: cat, env: { PATH: /nowhere } }\n"
                         "jobs:\n  j: { schedule: every 1h, command: [nosuchjob, -x] }\n";
  EXPECT_EQ(run({"check", file}), 0) << err.str();
  EXPECT_TRUE(out.str().ends_with(": ok, 6 servers, 1 job\n")) << out.str();
  std::string expected;
  for (const std::string line : {"2:17: warning: mcpServers.a.command: there is no file /no/such/program",
                                 "3:17: warning: mcpServers.b.command: found no nosuchprogram in PATH",
                                 "4:17: warning: mcpServers.c.command: DIR/text is not executable",
                                 "5:17: warning: mcpServers.d.command: \"cat -n /etc/passwd\" is taken as "
                                 "one program's name, and no shell "
                                 "splits it; put the arguments into `args`",
                                 "7:17: warning: mcpServers.f.command: found no cat in PATH",
                                 "9:38: warning: jobs.j.command: found no nosuchjob in PATH"})
    expected += file.string() + ":" + line + "\n";
  expected.replace(expected.find("DIR"), 3, front.dir.path.string());
  EXPECT_EQ(err.str(), expected);
}

// The link stands for a folder without the right to look into it, which root always has.
TEST_F(CliTest, doctor_answers_where_a_socket_cannot_be_looked_at) {
  const auto loop = front.dir.path / "loop";
  std::filesystem::create_symlink(loop, loop);
  EXPECT_EQ(run({"doctor", "--json", "--socket", (loop / "sock").string()}), 0);
  EXPECT_TRUE(Json::parse(out.str())["gateway"].is_null());
  EXPECT_TRUE(err.str().starts_with("holdfast: whether a gateway runs is not to be seen: ")) << err.str();
}

TEST_F(CliTest, check_reads_its_standard_input_through_a_pipe_too) {
  in.str("drain: 7s\nmcpServers: {a: {command: x}}\n");
  EXPECT_EQ(run({"check", "/dev/stdin"}), 0) << err.str();
  EXPECT_EQ(out.str(), "/dev/stdin: ok, 1 server, 0 jobs\n");
  in.clear();
  in.str("");
  EXPECT_EQ(run({"check", "/dev/stdin"}), 78);
  EXPECT_NE(err.str().find("/dev/stdin: error: is empty"), std::string::npos) << err.str();
}

TEST_F(CliTest, doctor_says_what_is_guaranteed_and_what_would_raise_it) {
  ASSERT_EQ(run({"doctor", "--json", "--socket", "/nowhere"}), 0) << err.str();
  const auto facts = Json::parse(out.str());
  EXPECT_TRUE(facts["gateway"].is_null());
  EXPECT_EQ(facts["guarantees"].size(), 10U);
  std::string commands;
  for (const auto& finding : facts["findings"])
    if (!finding["raise"].is_null())
      commands += "\n  " + finding["name"].get<std::string>() + ": " + finding["raise"].get<std::string>();
  ASSERT_EQ(run({"doctor", "--socket", "/nowhere"}), 0) << err.str();
  const std::string rung = facts["here"]["rung"];
  for (const auto& part : {std::string("cgroup leaf "), "A gateway started here stands on rung " + rung,
                           std::string("killed in one stroke  "), "What would raise it here:" + commands})
    EXPECT_NE(out.str().find(part), std::string::npos) << part << out.str();
}

// Which may stand elsewhere than who asks.
TEST_F(CliTest, doctor_speaks_of_the_gateway_that_runs) {
  ASSERT_EQ(run({"doctor", "--json"}), 0) << err.str();
  const auto facts = Json::parse(out.str());
  EXPECT_EQ(facts["gateway"]["rung"], "tree");
  EXPECT_EQ(facts["gateway"]["service"], false);
  for (const auto& row : facts["guarantees"])
    EXPECT_EQ(row["servers"].get<std::string>().find("leaf"), std::string::npos) << row;
  ASSERT_EQ(run({"doctor"}), 0) << err.str();
  const auto pid = std::to_string(facts["gateway"]["pid"].get<int>());
  for (const auto& part : {"The gateway that runs (pid " + pid + ") stands on rung tree, in no unit",
                           std::string("It serves every process of this machine without a token"),
                           std::string("WITH isolation: pidns")})
    EXPECT_NE(out.str().find(part), std::string::npos) << part << out.str();
}

// Both ways of the same verbs: through a gateway, and in its file.
TEST_F(CliTest, tokens_are_added_listed_and_revoked_with_and_without_a_gateway) {
  const std::string state = front.dir.path / "state";
  for (const std::string& socket : {front.path.string(), state + "/nobody"}) {
    const auto token = [&](std::vector<std::string> words) {
      words.insert(words.begin(), {"token", "--socket", socket, "--state-dir", state});
      return run(words);
    };
    EXPECT_EQ(token({"list", "--json"}), 0) << err.str();
    EXPECT_EQ(out.str(), "{\n  \"tokens\": []\n}\n");
    EXPECT_EQ(token({"add", "ci", "--tools", "memory__read_*", "--tools", "a__b", "--servers", "memory",
                     "--expires", "30d"}),
              0)
        << err.str();
    const std::string secret = out.str();
    EXPECT_TRUE(secret.starts_with("hf_") && secret.find('\n') == secret.size() - 1) << secret;
    EXPECT_NE(err.str().find("only time"), std::string::npos) << err.str();
    EXPECT_EQ(token({"add", "all", "--json"}), 0) << err.str();
    EXPECT_TRUE(Json::parse(out.str())["token"].get<std::string>().starts_with("hf_"));
    EXPECT_EQ(token({"list", "--json"}), 0);
    const auto all = Json::parse(out.str())["tokens"];
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["tools"], Json::parse(R"(["memory__read_*","a__b"])"));
    EXPECT_EQ(all[0]["servers"], Json::parse(R"(["memory"])"));
    EXPECT_TRUE(all[0]["expires_at"].is_string() && all[1]["expires_at"].is_null());
    EXPECT_EQ(all[1]["tools"], Json::parse(R"(["*"])"));
    EXPECT_EQ(token({"list"}), 0);
    EXPECT_NE(out.str().find("memory__read_* a__b"), std::string::npos) << out.str();
    EXPECT_EQ(out.str().find(secret.substr(12, 40)), std::string::npos);

    EXPECT_EQ(token({"add", "ci"}), 1) << "the name is taken";
    EXPECT_EQ(token({"add", "a b"}), 2);
    EXPECT_EQ(token({"add", "x", "--tools", "memory"}), 2);
    EXPECT_EQ(token({"add", "x", "--expires", "soon"}), 2);
    EXPECT_EQ(token({"add", "x", "--expires", "0"}), 2);
    EXPECT_EQ(token({"add"}), 2);
    EXPECT_EQ(token({"revoke", "nobody"}), 1);
    EXPECT_NE(err.str().find("nobody"), std::string::npos) << err.str();
    EXPECT_EQ(token({"revoke", "ci"}), 0) << err.str();
    EXPECT_EQ(out.str(), "revoked ci\n");
    EXPECT_EQ(token({"revoke", "all", "--json"}), 0);
    EXPECT_EQ(Json::parse(out.str())["revoked"], true);
    EXPECT_EQ(token({"list", "--json"}), 0);
    EXPECT_EQ(out.str(), "{\n  \"tokens\": []\n}\n");
  }
  EXPECT_EQ(run({"token"}), 2);
}

// A gateway that owns the state and does not answer yet would overwrite what we write.
TEST_F(CliTest, the_file_of_tokens_is_left_alone_while_somebody_owns_the_state) {
  const std::string state = front.dir.path / "owned";
  const auto lock = daemon::StateLock::take(state);
  ASSERT_TRUE(lock);
  EXPECT_EQ(run({"token", "add", "x", "--socket", state + "/nobody", "--state-dir", state}), 75);
  EXPECT_FALSE(std::filesystem::exists(state + "/tokens.json"));
  std::ofstream(state + "/tokens.json") << "{";
  EXPECT_EQ(run({"token", "list", "--socket", state + "/nobody", "--state-dir", state}), 1);
}

}  // namespace
}  // namespace holdfast::cli
