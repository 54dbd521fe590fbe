// How one value is read, by type: each case is one option in a file of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config/testing.h"

namespace holdfast::config {
namespace {

using testing::load;
using testing::report;
using testing::whole_report;

Server server_with(std::string_view option) {
  const Loaded loaded = load(fmt::format("mcpServers: {{s: {{command: x, {}}}}}", option));
  EXPECT_EQ(report(loaded), "") << option;
  return loaded.config.servers.at("s");
}
// What is said about it, without the place.
std::string said(std::string_view option) {
  std::string out = report(fmt::format("mcpServers: {{s: {{command: x, {}}}}}", option));
  const auto at = out.find("mcpServers.s.");
  return at == std::string::npos ? out : out.substr(at + 13);
}

TEST(values, durations) {
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"500ms", 500},       {"30s", 30'000}, {"10m", 600'000}, {"24h", 86'400'000}, {"\"7d\"", 604'800'000},
      {"1h30m", 5'400'000}, {"2", 2'000},    {"0.5", 500},     {"9999", 9'999'000},
  };
  for (const auto& [text, count] : cases)
    EXPECT_EQ(server_with(fmt::format("callTimeout: {}", text)).call_timeout.count(), count) << text;
}

TEST(values, wrong_durations_say_what_would_be_right) {
  const std::string right =
      "expected a duration such as 500ms, 30s or 10m (a plain number is seconds), from 1ms to 7d\n";
  for (const std::string_view text :
       {"fast", "10 m", "-1s", "0", "8d", "1e9", "s", "10x", "off", "1s..2s", "nan", "inf"})
    EXPECT_EQ(said(fmt::format("callTimeout: {}", text)),
              fmt::format("callTimeout: found \"{}\"; {}", text, right));
  EXPECT_EQ(said("callTimeout: "), "callTimeout: found nothing; " + right);
  EXPECT_EQ(said("callTimeout: [1s]"), "callTimeout: found a list; " + right);
  EXPECT_EQ(said("callTimeout: {a: 1s}"), "callTimeout: found a mapping; " + right);
}

TEST(values, milliseconds_of_another_client_are_suspected) {
  EXPECT_EQ(said("timeout: 60000"),
            "timeout: 60000 is read as seconds (16h40m); write 60000ms if milliseconds are meant\n");
  EXPECT_EQ(load("mcpServers: {s: {command: x, timeout: 60000}}").config.servers.at("s").call_timeout.count(),
            60'000'000);
}

TEST(values, durations_or_off) {
  EXPECT_EQ(server_with("idleTimeout: 10m").idle_timeout, milliseconds(600'000));
  for (const std::string_view off : {"off", "never", "false", "\"off\""})
    EXPECT_EQ(server_with(fmt::format("sharing: shared, idleTimeout: {}", off)).idle_timeout, std::nullopt)
        << off;
  EXPECT_EQ(server_with("sharing: shared").idle_timeout, milliseconds(600'000));
  EXPECT_EQ(server_with("sharing: session").idle_timeout, std::nullopt);
  EXPECT_EQ(said("maxLifetime: forever"),
            "maxLifetime: found \"forever\"; expected off, or a duration such as 500ms, 30s or 10m (a plain "
            "number is "
            "seconds), from 1s to 365d\n");
}

TEST(values, ranges) {
  const RestartPolicy two = server_with("restart: {backoff: 250ms..5m}").restart;
  EXPECT_EQ(two.backoff_min.count(), 250);
  EXPECT_EQ(two.backoff_max.count(), 300'000);
  const RestartPolicy one = server_with("restart: {backoff: 3}").restart;
  EXPECT_EQ(one.backoff_min, one.backoff_max);
  for (const std::string_view text : {"5s..1s", "1s..", "..1s", "1s...2s", "1s..2s..3s", "1s..2d", "x"})
    EXPECT_EQ(
        said(fmt::format("restart: {{backoff: {}}}", text)),
        fmt::format(
            "restart.backoff: found \"{}\"; expected two durations such as 1s..60s, the smaller one first, "
            "from 0s to 1d\n",
            text));
}

TEST(values, sizes) {
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"512M", 512LL << 20}, {"2G", 2LL << 30},    {"2GiB", 2LL << 30},
      {"1024k", 1 << 20},    {"1048576", 1 << 20}, {"64T", 64LL << 40},
  };
  for (const auto& [text, bytes] : cases)
    EXPECT_EQ(server_with(fmt::format("limits: {{memory: {}}}", text)).limits.memory, bytes) << text;
  for (const std::string_view text :
       {"1023k", "0", "-1M", "65T", "1.5G", "big", "99999999999999999999", "9999999999G"})
    EXPECT_EQ(said(fmt::format("limits: {{memory: {}}}", text)),
              fmt::format("limits.memory: found \"{}\"; expected a size such as 512M or 2G, from 1M to 64T\n",
                          text));
}

TEST(values, percentages_and_numbers) {
  EXPECT_EQ(server_with("limits: {cpu: 50%, pids: 64, files: 1024}").limits,
            (Limits{.memory = {}, .pids = 64, .files = 1024, .cpu_percent = 50}));
  for (const std::string_view text : {"50", "0%", "102401%", "50%%", "%", "half", "5.5%"})
    EXPECT_EQ(said(fmt::format("limits: {{cpu: \"{}\"}}", text)),
              fmt::format("limits.cpu: found \"{}\"; expected a percentage such as 50%, from 1% to 102400%\n",
                          text));
  for (const std::string_view text : {"0", "10001", "1.0", "0x10", "many", "99999999999999999999", "true"})
    EXPECT_EQ(said(fmt::format("maxInstances: {}", text)),
              fmt::format("maxInstances: found \"{}\"; expected a whole number from 1 to 10000\n", text));
}

TEST(values, flags_and_choices) {
  for (const std::string_view text : {"true", "yes", "ON", "True", "\"true\""})
    EXPECT_TRUE(server_with(fmt::format("background: {}", text)).background) << text;
  for (const std::string_view text : {"false", "no", "Off"})
    EXPECT_FALSE(server_with(fmt::format("enabled: {}", text)).enabled) << text;
  EXPECT_FALSE(server_with("disabled: true").enabled);
  EXPECT_TRUE(server_with("supportsParallelToolCalls: false").serial);
  EXPECT_EQ(said("background: 1"), "background: found \"1\"; expected true or false\n");
  EXPECT_EQ(server_with("isolation: pidns").isolation, "pidns");
  EXPECT_EQ(said("isolation: jail"), "isolation: found \"jail\"; expected one of auto, pidns\n");
}

TEST(values, texts_that_are_numbers_stay_as_written) {
  const Server server = server_with("args: [1.0, 007, true, yes, 1e3], env: {A: 1, B: no, C: \"\"}");
  EXPECT_EQ(server.args, (std::vector<std::string>{"1.0", "007", "true", "yes", "1e3"}));
  EXPECT_EQ(server.env, (std::map<std::string, std::string>{{"A", "1"}, {"B", "no"}, {"C", ""}}));
}

TEST(values, environments_may_be_lists) {
  const Server server = server_with("env: [A=1, \"B=x=y\", TOKEN, UNSET, \"C=${TOKEN}\"]");
  EXPECT_EQ(server.env, (std::map<std::string, std::string>{
                            {"A", "1"}, {"B", "x=y"}, {"TOKEN", "s3cret"}, {"C", "s3cret"}}));
  EXPECT_EQ(said("env: [=1]"), "env[0]: a name must not be empty and holds no `=`\n");
  EXPECT_EQ(said("env: {\"A=B\": 1}"), "env.A=B: a name must not be empty and holds no `=`\n");
  EXPECT_EQ(said("env: {A: }"), "env.A: found nothing; write \"\" for an empty value\n");
  EXPECT_EQ(said("env: {A: [1]}"),
            "env.A: found a list; expected a mapping of names to texts, or a list of NAME=value\n");
  EXPECT_EQ(said("env: {A: \"a\\0b\"}"), "env.A: holds a zero byte, which no program can be given\n");
}

TEST(values, paths_resolve_against_the_folder_of_the_file) {
  EXPECT_EQ(server_with("").cwd, "/tmp");
  EXPECT_EQ(server_with("cwd: .").cwd, "/tmp");
  EXPECT_EQ(server_with("cwd: ../usr/bin/").cwd, "/usr/bin");
  EXPECT_EQ(server_with("cwd: /").cwd, "/");
  EXPECT_EQ(server_with("workingDirectory: \"${NONE:-/usr}\"").cwd, "/usr");
  EXPECT_EQ(said("cwd: ~/x"), "cwd: /home/me/x is not a directory that exists\n");
  EXPECT_EQ(said("cwd: \"\""), "cwd: found \"\"; expected a path\n");
  EXPECT_EQ(load("mcpServers: {s: {command: ./run.sh}}").config.servers.at("s").command, "/tmp/run.sh");
  EXPECT_EQ(load("mcpServers: {s: {command: ~/bin/run}}").config.servers.at("s").command, "/home/me/bin/run");
  EXPECT_EQ(load("mcpServers: {s: {command: [npx, -y, p], args: [q]}}").config.servers.at("s").args,
            (std::vector<std::string>{"-y", "p", "q"}));
}

// A folder that is not there (a disk not mounted) spoils its own entry and no other.
TEST(values, a_missing_cwd_makes_its_entry_unusable) {
  const Config config = load(
                            "mcpServers: {a: {command: x, cwd: /nowhere}, b: {command: x}}\n"
                            "jobs: {j: {schedule: every 1m, command: [x], cwd: /nowhere}}")
                            .config;
  EXPECT_EQ(config.servers.at("a").unusable, "cwd: /nowhere is not a directory that exists");
  EXPECT_EQ(config.servers.at("b").unusable, "");
  EXPECT_EQ(config.jobs.at("j").unusable, "cwd: /nowhere is not a directory that exists");
}

TEST(values, line_limit) {
  EXPECT_EQ(server_with("").line_limit, 64U << 20);
  EXPECT_EQ(server_with("lineLimit: 2M").line_limit, 2U << 20);
  EXPECT_EQ(said("lineLimit: 10k"),
            "lineLimit: found \"10k\"; expected a size such as 512M or 2G, from 1M to 1024M\n");
}

TEST(values, tls_is_for_addresses_that_ask_for_it) {
  const auto config =
      load("listen: [\"https://127.0.0.1:1\", \"127.0.0.1:2\"]\ntls: {certificate: a.pem, key: /k/b.pem}");
  EXPECT_EQ(whole_report(config), "");
  EXPECT_EQ(config.config.tls, (Tls{.certificate = "/tmp/a.pem", .key = "/k/b.pem"}));
  EXPECT_EQ(
      report("listen: https://127.0.0.1:1"),
      "c.yaml:1:9: error: listen: an address with https:// needs `tls: { certificate: FILE, key: FILE }`\n");
  for (const std::string half : {"{}", "{key: a}", "{certificate: a}"})
    EXPECT_EQ(report("tls: " + half + "\nlisten: https://127.0.0.1:1"),
              "c.yaml:1:6: error: tls: needs both files, `{ certificate: FILE, key: FILE }`\n");
  EXPECT_EQ(whole_report(load("tls: {certificate: a, key: b}")),
            "c.yaml:1:6: warning: tls: has no effect: no address of `listen` begins with https://\n");
}

TEST(values, what_clients_may_take) {
  const auto http =
      load("http: {maxConnections: 20000, maxSessions: 9, maxBody: 1M, maxBacklog: 2M, rate: 50}")
          .config.http;
  EXPECT_EQ(http,
            (Http{.connections = 20'000, .sessions = 9, .body = 1 << 20, .backlog = 2 << 20, .rate = 50}));
  EXPECT_TRUE(load("http: {maxConnections: 0}").has_errors());
  EXPECT_EQ(load("audit: {file: calls.jsonl, arguments: yes}").config.audit,
            (Audit{.file = "/tmp/calls.jsonl", .arguments = true}));
}

TEST(values, no_listener_at_all) {
  EXPECT_TRUE(load("listen: []").config.listen.empty());
  EXPECT_EQ(report("listen: \"\"").substr(0, 18), "c.yaml:1:9: error:");
}

// What is asked for and does nothing is said; the default that somebody wrote out asks for nothing.
TEST(values, options_that_nothing_acts_on_yet_are_warned_of) {
  const std::string end = ": has no effect in this version\n";
  EXPECT_EQ(whole_report(load("mcpServers: {a: {command: x, trustAnnotations: no}}")),
            "c.yaml:1:48: warning: mcpServers.a.trustAnnotations" + end);
  EXPECT_EQ(whole_report(load("mcpServers: {a: {command: x, limits: {pids: 9}, resolve: off}}")), "");
  EXPECT_EQ(whole_report(load("auth: {anonymous: never}")), "");
}

// Nobody should learn at the first call that an entry cannot run.
TEST(values, what_this_version_does_not_serve_is_an_error_of_its_entry_only) {
  const struct {
    std::string_view text, said;
  } cases[] = {
      {"jobs: {a: {schedule: every 1m, command: [x], overlap: queue}}",
       "jobs.a: overlap: queue is not served by this version; use skip or parallel"},
  };
  for (const auto& [text, said] : cases) {
    const Loaded loaded = load(text);
    EXPECT_TRUE(loaded.has_errors() && !loaded.blocks_start()) << text;
    EXPECT_NE(whole_report(loaded).find(fmt::format("error: {}", said)), std::string::npos)
        << whole_report(loaded);
  }
  EXPECT_FALSE(load("mcpServers: {a: {url: \"http://h/mcp\", enabled: false}}").has_errors());
}

TEST(values, launchers_are_resolved_unless_it_is_said) {
  EXPECT_TRUE(server_with("").resolve);
  EXPECT_TRUE(server_with("resolve: auto").resolve);
  EXPECT_FALSE(server_with("resolve: off").resolve);
}

TEST(values, sharing) {
  const Server key = server_with("sharing: {key: \"header:X-Project\"}");
  EXPECT_EQ(key.sharing, Sharing::key);
  EXPECT_EQ(key.sharing_key, "header:X-Project");
  EXPECT_EQ(server_with("sharing: {key: token}").sharing_key, "token");
  EXPECT_EQ(server_with("sharing: shared").sharing, Sharing::shared);
  const std::string right = "; expected session, shared, { key: \"header:NAME\" } or { key: token }\n";
  EXPECT_EQ(said("sharing: all"), "sharing: found \"all\"" + right);
  EXPECT_EQ(said("sharing: {}"), "sharing: found a mapping" + right);
  EXPECT_EQ(said("sharing: {key: \"header:\"}"), "sharing.key: found \"header:\"" + right);
  EXPECT_NE(said("sharing: {key: \"header:authorization\"}").find("is a secret"), std::string::npos);
  EXPECT_NE(said("sharing: {key: \"header:Host\"}").find("every request has it"), std::string::npos);
  EXPECT_FALSE(load("mcpServers: {a: {command: x, sharing: {key: \"header:X-Project\"}}}").has_errors());
  EXPECT_EQ(said("sharing: {key: \"header:a b\"}"), "sharing.key: found \"header:a b\"" + right);
}

TEST(values, addresses_to_listen_on) {
  const Loaded many =
      load("listen: [\"[::1]:0\", unix:/run/h.sock, \"127.0.0.2:${PORT:-80}\", \"0.0.0.0:80\"]");
  EXPECT_EQ(report(many), "");
  EXPECT_EQ(many.config.listen,
            (std::vector<std::string>{"[::1]:0", "unix:/run/h.sock", "127.0.0.2:80", "0.0.0.0:80"}));
  const std::string right =
      "; expected 127.0.0.1:PORT, [::1]:PORT, https://ADDRESS:PORT or unix:/path, or a list of them\n";
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"example.org:80", "the host must be an IP address"},
      {"127.0.0.1", "the port is missing"},
      {"127.0.0.1:65536", "a port is a number from 0 to 65535"},
      {"127.0.0.1:", "a port is a number from 0 to 65535"},
      {"1.2.3:80", "the host must be an IP address"},
      {"1.2.3.4.5:80", "the host must be an IP address"},
      {"256.0.0.1:80", "the host must be an IP address"},
      {"::1:80", "the host must be an IP address"},
      {"unix:run/h.sock", "the path after unix: must be absolute"},
      {"[]:80", "the host must be an IP address"},
  };
  for (const auto& [text, fault] : cases)
    EXPECT_EQ(report(fmt::format("listen: \"{}\"", text)),
              fmt::format("c.yaml:1:9: error: listen: found \"{}\": {}{}", text, fault, right));
}

}  // namespace
}  // namespace holdfast::config
