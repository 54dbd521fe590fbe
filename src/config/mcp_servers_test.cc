// The files of other clients load unchanged.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/testing.h"

namespace holdfast::config {
namespace {

using testing::load;
using testing::report;

// What an entry came to, in one line.
std::string summary(const Loaded& loaded) {
  std::string out;
  for (const auto& [name, s] : loaded.config.servers) {
    out += name + ":";
    if (!s.command.empty()) out += " " + s.command;
    for (const std::string& arg : s.args) out += " " + arg;
    for (const auto& [key, value] : s.env) out += fmt::format(" {}={}", key, value);
    if (!s.url.empty()) out += " " + s.url;
    for (const auto& [key, value] : s.headers) out += fmt::format(" {}:{}", key, value);
    for (const std::string& glob : s.tools_include) out += " +" + glob;
    for (const std::string& glob : s.tools_exclude) out += " -" + glob;
    if (s.serial) out += " serial";
    if (!s.enabled) out += " disabled";
    if (!s.unusable.empty() && !s.unusable.contains("this version")) out += " unusable";
    out += "\n";
  }
  return out;
}

TEST(mcp_servers, claude_desktop) {
  const Loaded loaded = load(R"({
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/Users/me/Desktop"],
      "env": {"DEBUG": "1"}
    },
    "remote": {"command": "npx", "args": ["mcp-remote", "https://example.org/sse"]}
  }
})");
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(summary(loaded),
            "filesystem: npx -y @modelcontextprotocol/server-filesystem /Users/me/Desktop DEBUG=1\n"
            "remote: npx mcp-remote https://example.org/sse\n");
}

TEST(mcp_servers, claude_code) {
  const Loaded loaded = load(R"({"mcpServers": {
    "api": {"type": "http", "url": "${BASE:-https://api.example.org}/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}},
    "events": {"type": "sse", "url": "https://example.org/sse"},
    "local": {"type": "stdio", "command": "uvx", "args": ["mcp-server-time"], "env": {}}
  }})");
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(summary(loaded),
            "api: https://api.example.org/mcp Authorization:Bearer s3cret\n"
            "events: https://example.org/sse\nlocal: uvx mcp-server-time\n");
  EXPECT_FALSE(loaded.config.servers.at("api").sse);
  EXPECT_TRUE(loaded.config.servers.at("events").sse);
}

TEST(mcp_servers, vs_code) {
  const Loaded loaded = load(R"({
  // comments are usual here
  "inputs": [{"type": "promptString", "id": "key", "description": "Key", "password": true}],
  "servers": {
    "asks": {"type": "stdio", "command": "x", "env": {"KEY": "${input:key}"}},
    "github": {"type": "http", "url": "https://api.githubcopilot.com/mcp/"},
    "play": {"command": "npx", "args": ["@playwright/mcp@latest"], "envFile": "${workspaceFolder}/.env", "dev": {"watch": "*"}},
  },
})");
  EXPECT_EQ(
      report(loaded),
      "c.yaml:3:13: warning: inputs: has no effect here. VS Code's prompts; a daemon has nobody to ask, so "
      "`${input:...}` makes its entry unusable.\n"
      "c.yaml:5:62: error: servers.asks.env.KEY: `${input:key}` is no form that is read here (${VAR}, "
      "${VAR:-default}, ${env:VAR}, ${userHome}); write `$${` for the characters themselves\n"
      "c.yaml:7:79: warning: servers.play.envFile: has no effect here. Put the variables into `env`.\n");
  EXPECT_FALSE(loaded.blocks_start());
  EXPECT_EQ(
      summary(loaded),
      "asks: x unusable\ngithub: https://api.githubcopilot.com/mcp/\nplay: npx @playwright/mcp@latest\n");
}

TEST(mcp_servers, hermes) {
  const Loaded loaded = load(R"(mcp_servers:
  notes:
    command: uvx
    args: [notes]
    timeout: 300
    connect_timeout: 60
    idle_timeout_seconds: 900
    max_lifetime_seconds: 86400
    keepalive_interval: 180
    supports_parallel_tool_calls: false
    protocol: auto
    trust: true
    enabled: false
    tools: {include: ["read_*"], exclude: [delete]}
)");
  EXPECT_EQ(report(loaded),
            "c.yaml:8:27: warning: mcp_servers.notes.max_lifetime_seconds: 86400 is read as seconds (1d); "
            "write 86400ms "
            "if milliseconds are meant\n");
  EXPECT_EQ(summary(loaded), "notes: uvx notes +read_* -delete serial disabled\n");
  const Server& notes = loaded.config.servers.at("notes");
  EXPECT_EQ(notes.call_timeout, milliseconds(300'000));
  EXPECT_EQ(notes.connect_timeout, milliseconds(60'000));
  EXPECT_EQ(notes.idle_timeout, milliseconds(900'000));
  EXPECT_EQ(notes.max_lifetime, milliseconds(86'400'000));
}

TEST(mcp_servers, openclaw_and_others) {
  const Loaded loaded = load(R"({
  mcp: {servers: {
    claw: {transport: streamable-http, url: "https://c.example.org", toolFilter: {include: [a]}, supportsParallelToolCalls: false}
  }},
  mcpServers: {
    cline: {command: x, disabled: true, autoApprove: [y], disabledTools: [z], timeout: 60},
    gemini: {httpUrl: "http://g.example.org", trust: false, includeTools: [i], excludeTools: [e]},
    windsurf: {serverUrl: "https://w.example.org/sse"},
    zed: {command: [prog, --flag], environment: {A: b}}
  }})");
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(
      summary(loaded),
      "claw: https://c.example.org +a serial\ncline: x -z disabled\ngemini: http://g.example.org +i -e\n"
      "windsurf: https://w.example.org/sse\nzed: prog --flag A=b\n");
}

TEST(mcp_servers, names_become_fit_for_tools) {
  const Loaded loaded = load(
      "mcpServers: {My Notes.v2: {command: x}, a__b: {command: y}, ok-1: {command: z}, end_: {command: e}}");
  const std::string_view why =
      "here: names hold letters, digits, `-` and `_`, and `__` parts a server from its tools\n";
  EXPECT_EQ(report(loaded),
            fmt::format("c.yaml:1:14: warning: mcpServers.My Notes.v2: is called \"My_Notes_v2\" {0}"
                        "c.yaml:1:41: warning: mcpServers.a__b: is called \"a_b\" {0}"
                        "c.yaml:1:81: warning: mcpServers.end_: is called \"end\" {0}",
                        why));
  EXPECT_EQ(summary(loaded), "My_Notes_v2: x\na_b: y\nend: e\nok-1: z\n");
}

TEST(mcp_servers, wrong_entries_are_told_apart) {
  const std::pair<std::string, std::string> cases[] = {
      {"{ä: {command: x}}",
       "14: error: mcpServers.ä: found the name \"ä\"; expected letters, digits, `-` and `_`"},
      {"{_: {command: x}}",
       "14: error: mcpServers._: found the name \"_\"; expected 1 to 64 letters, digits, `-` and `_`"},
      {"{a_b: {command: x}, a__b: {command: y}}",
       "33: warning: mcpServers.a__b: is called \"a_b\" here: names hold letters, digits, `-` and `_`, and "
       "`__` parts a server "
       "from its tools\nc.yaml:1:33: error: mcpServers.a__b: a second server would be called \"a_b\"; rename "
       "one"},
      {"{s: x}", "17: error: mcpServers.s: found \"x\"; expected a mapping with `command` or `url`"},
      {"{s: }", "14: error: mcpServers.s: found nothing; expected a mapping with `command` or `url`"},
      {"{s: {}}",
       "14: error: mcpServers.s: has neither `command` nor `url`; one of them says what the server is"},
      {"{s: {command: x, url: 'http://y'}}",
       "14: error: mcpServers.s: has both `command` and `url`; keep one"},
      {"{s: {url: y}}",
       "23: error: mcpServers.s.url: found \"y\": it must begin with http://, https:// or unix:/"},
      {"{s: {url: ''}}", "23: error: mcpServers.s.url: is empty"},
      {"{s: {command: ''}}",
       "27: error: mcpServers.s.command: found \"\"; expected a program, or a list of a program and its "
       "arguments"},
      {"{s: {command: npx foo}}",
       "27: warning: mcpServers.s.command: \"npx foo\" is taken as one program's name, and no shell splits "
       "it; "
       "put the arguments into `args`"},
      {"{s: {command: npx -y @scope/foo}}",
       "27: warning: mcpServers.s.command: \"npx -y @scope/foo\" is taken as one program's name, and no "
       "shell "
       "splits it; put the arguments into `args`"},
      {"{s: {command: ./nosuch}}", "27: warning: mcpServers.s.command: no /tmp/nosuch"},
      {"{s: {command: [nosuch, -y]}}", "28: warning: mcpServers.s.command: no nosuch"},
      {"{s: {command: nosuch -y}}", "27: warning: mcpServers.s.command: no nosuch -y"},
      {"{s: {command: nosuch, enabled: false}, t: {}}",
       "52: error: mcpServers.t: has neither `command` nor `url`; one of them says what the server is"},
      {"{s: {command: x, env: {A: b}, environment: {}}}",
       "43: error: mcpServers.s.environment: says the same as \"env\" above; keep one"},
      {"[a]", "13: error: mcpServers: found a list; expected a mapping of names to servers"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(report("mcpServers: " + text), "c.yaml:1:" + expected + "\n") << text;
  EXPECT_EQ(report("mcpServers: "), "");
}

TEST(mcp_servers, headers_are_fit_for_http) {
  EXPECT_EQ(report("mcpServers: {s: {url: 'http://y', headers: {A: \"x\\ny\", 'B C': d, E-f: g}}}"),
            "c.yaml:1:48: error: mcpServers.s.headers.A: its value holds a line break, which no header can\n"
            "c.yaml:1:63: error: mcpServers.s.headers.B C: is no name of an HTTP header\n");
}

TEST(mcp_servers, an_unset_variable_spares_the_others) {
  const Loaded loaded =
      load(R"({"mcpServers":{"a":{"command":"x","env":{"T":"${T}"}},"b":{"command":"y"}}})");
  EXPECT_TRUE(loaded.has_errors());
  EXPECT_FALSE(loaded.blocks_start());
  EXPECT_EQ(loaded.config.servers.at("a").unusable,
            "mcpServers.a.env.T: the variable T is not set and has no default (${T:-value} gives one)");
  EXPECT_EQ(loaded.config.servers.at("b").unusable, "");
}

TEST(mcp_servers, what_is_switched_off_needs_no_variables) {
  const Loaded loaded = load("mcpServers: {a: {command: \"${T}\", cwd: /none, enabled: false}}");
  EXPECT_FALSE(loaded.has_errors());
  EXPECT_EQ(loaded.problems.size(), 1U);
}

}  // namespace
}  // namespace holdfast::config
