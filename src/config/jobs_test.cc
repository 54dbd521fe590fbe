#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/testing.h"

namespace holdfast::config {
namespace {

using testing::load;
using testing::report;

constexpr std::string_view kServer = "mcpServers: {a: {command: x}}\n";

std::string arguments(std::string_view text) {
  const Loaded loaded = load(
      fmt::format("{}jobs: {{j: {{schedule: x, steps: [{{tool: a__b, arguments: {}}}]}}}}", kServer, text));
  return loaded.problems.empty() ? loaded.config.jobs.at("j").steps.at(0).arguments : report(loaded);
}

TEST(jobs, steps_in_full) {
  const Loaded loaded = load(R"(
mcpServers: {memory: {command: x}, search: {url: "http://y"}}
jobs:
  digest:
    schedule: "0 7 * * MON-FRI"
    timezone: Europe/Berlin
    steps:
      - { tool: memory__read_graph }
      - { tool: search__query, arguments: { q: "news" }, timeout: 30s }
      - memory__list
    timeout: 1h
    overlap: queue
    tools: ["memory__*"]
)");
  EXPECT_EQ(report(loaded), "");
  const Job& job = loaded.config.jobs.at("digest");
  EXPECT_EQ(job.name, "digest");
  EXPECT_EQ(job.schedules, std::vector<std::string>{"0 7 * * MON-FRI"});
  EXPECT_EQ(job.timezone, "Europe/Berlin");
  EXPECT_EQ(job.steps, (std::vector<Step>{{"memory__read_graph", "{}", {}},
                                          {"search__query", R"({"q":"news"})", milliseconds(30'000)},
                                          {"memory__list", "{}", {}}}));
  EXPECT_EQ(job.timeout, milliseconds(3'600'000));
  EXPECT_EQ(job.overlap, "queue");
  EXPECT_EQ(job.tools, std::vector<std::string>{"memory__*"});
}

TEST(jobs, commands_keep_the_variables_of_their_run) {
  const Loaded loaded = load(
      R"(jobs: {agent: {cron: [every 30m, "@daily"], tz: UTC, command: [claude, "${TOKEN}", "${HOLDFAST_RUN}"],
  env: {JOB: "${env:HOLDFAST_JOB}"}, cwd: "/usr/${HOLDFAST_X:-${HOLDFAST_JOB}}"}})");
  EXPECT_EQ(report(loaded), "");
  const Job& job = loaded.config.jobs.at("agent");
  EXPECT_EQ(job.command, (std::vector<std::string>{"claude", "s3cret", "${HOLDFAST_RUN}"}));
  EXPECT_EQ(job.env.at("JOB"), "${HOLDFAST_JOB}");
  EXPECT_EQ(job.schedules.size(), 2U);
  EXPECT_EQ(job.cwd, "/usr/${HOLDFAST_JOB}");
}

TEST(jobs, a_variable_that_no_run_brings_is_an_error_where_it_stands) {
  const Loaded loaded = load(R"(jobs:
  agent: {cron: every 30m, command: [claude, "${HOLDFAST_URL}"]})");
  EXPECT_THAT(report(loaded), ::testing::StartsWith("c.yaml:2:46: error: jobs.agent.command[1]: the variable "
                                                    "HOLDFAST_URL is not set and has no default, and a run"));
  EXPECT_THAT(loaded.config.jobs.at("agent").unusable, ::testing::HasSubstr("HOLDFAST_URL"));
}

TEST(jobs, a_wrong_schedule_is_reported_at_its_column) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\"0 25 * * *\"", "3:18: error: jobs.d.schedule"},
      {"'0 25 * * *'", "3:18: error: jobs.d.schedule"},
      {"0 25 * * *", "3:17: error: jobs.d.schedule"},
      {"[ok, \"0 25\"]", "3:23: error: jobs.d.schedule[1]"},
      {"!!str \"0 25\"", "3:15: error: jobs.d.schedule"},
      {"&x \"0 25\"", "3:15: error: jobs.d.schedule"},
      {">-\n      0 25", "3:15: error: jobs.d.schedule"},
  };
  for (const auto& [text, where] : cases)
    EXPECT_EQ(report(fmt::format("jobs:\n  d:\n    schedule: {}\n    command: [x]\n", text)),
              fmt::format("c.yaml:{}: hour 25 is out of range 0-23\n", where));
}

TEST(jobs, an_unknown_zone_is_reported_where_it_stands) {
  EXPECT_EQ(report("jobs:\n  d:\n    schedule: [x, y]\n    command: [x]\n    timezone: Mars/Base\n"),
            "c.yaml:5:15: error: jobs.d.timezone: Mars/Base is no time zone\n");
}

TEST(jobs, the_zone_of_the_scheduler_is_that_of_jobs_without_one) {
  const Loaded loaded =
      load(R"(jobs: {a: {schedule: x, command: [y]}, b: {schedule: x, command: [y], tz: Asia/Tokyo}}
scheduler: {timezone: Europe/Berlin})");
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(loaded.config.jobs.at("a").timezone, "");
  EXPECT_EQ(loaded.config.jobs.at("a").default_timezone, "Europe/Berlin");
  EXPECT_EQ(loaded.config.jobs.at("b").timezone, "Asia/Tokyo");
  EXPECT_EQ(report("jobs: {a: {schedule: x, command: [y]}}\nscheduler: {timezone: Mars/Base}\n"),
            "c.yaml:2:23: error: scheduler.timezone: Mars/Base is no time zone\n");
}

TEST(jobs, wrong_entries_are_told_apart) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{a b: {schedule: x, command: [y]}}",
       "8: error: jobs.a b: found the name \"a b\"; expected 1 to 64 letters, digits, `-`, `_` and `.`"},
      {"{j: x}",
       "11: error: jobs.j: found \"x\"; expected a mapping with `schedule` and `steps` or `command`"},
      {"{j: }",
       "8: error: jobs.j: found nothing; expected a mapping with `schedule` and `steps` or `command`"},
      {"{j: {command: [x]}}",
       "8: error: jobs.j: has no `schedule`; it says when the job runs, such as every 30m"},
      {"{j: {schedule: x}}",
       "8: error: jobs.j: has neither `steps` nor `command`; one of them says what the job does"},
      {"{j: {schedule: x, command: [y], steps: [a__b]}}",
       "8: error: jobs.j: has both `steps` and `command`; keep one"},
      {"{j: {schedule: x, command: claude -p x}}",
       "34: error: jobs.j.command: found \"claude -p x\"; expected a list of words such as [claude, -p, "
       "\"...\"]: no shell splits it"},
      {"{j: {schedule: x, steps: []}}",
       "32: error: jobs.j.steps: found an empty list; expected a list of steps such as { tool: server__tool, "
       "arguments: { ... } }"},
      {"{j: {schedule: x, steps: [{}]}}", "33: error: jobs.j.steps[0]: has no `tool`"},
      {"{j: {schedule: x, steps: [{tool: read}]}}",
       "40: error: jobs.j.steps[0].tool: found \"read\"; expected a name such as server__tool"},
      {"{j: {schedule: x, steps: [a__]}}",
       "33: error: jobs.j.steps[0].tool: found \"a__\"; expected a name such as server__tool"},
      {"{j: {schedule: x, steps: [[a__b]]}}", "33: error: jobs.j.steps[0]: found a list; expected a mapping"},
      {"{j: {schedule: x, steps: [b__c]}}",
       "33: warning: jobs.j.steps[0].tool: no server is called \"b\"; every run will fail"},
      {"{j: {schedule: x, steps: [{arguments: [1], tool: a__b}]}}",
       "45: error: jobs.j.steps[0].arguments: found a list; expected a mapping"},
      {"{j: {schedule: [], command: [y]}}",
       "22: error: jobs.j.schedule: found an empty list; expected a schedule such as \"0 7 * * MON-FRI\" or "
       "every "
       "30m, or a list of them"},
      {"{j: {schedule: x, command: [y], workers: 2}}",
       "39: warning: jobs.j.workers: unknown key \"workers\"; it has no effect"},
      {"{j: {schedule: x, command: [y], overlap: wait}}",
       "48: error: jobs.j.overlap: found \"wait\"; expected one of skip, queue, replace, parallel"},
      {"x", "7: error: jobs: found \"x\"; expected a mapping of names to jobs"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(report(fmt::format("{}jobs: {}", kServer, text)), fmt::format("c.yaml:2:{}\n", expected))
        << text;
}

TEST(jobs, a_step_may_name_its_server_as_the_file_does) {
  const Loaded loaded = load(R"(
jobs: {j: {schedule: x, steps: ["My Notes__read", My_Notes__read, old__new__read, a__new__read]}}
mcpServers: {My Notes: {command: x}, old__new: {command: y}, a: {command: z}, a__new: {command: z}}
)");
  std::string tools;
  for (const Step& step : loaded.config.jobs.at("j").steps) tools += step.tool + " ";
  EXPECT_EQ(tools, "My_Notes__read My_Notes__read old_new__read a__new__read ");
  EXPECT_EQ(loaded.problems.size(), 3U) << report(loaded);  // the names
}

TEST(jobs, a_server_that_is_off_is_told_beforehand) {
  EXPECT_EQ(
      report("mcpServers: {a: {command: x, enabled: false}}\njobs: {j: {schedule: x, steps: [a__b]}}"),
      "c.yaml:2:33: warning: jobs.j.steps[0].tool: the server \"a\" is not enabled; every run will fail\n");
}

TEST(jobs, arguments_keep_their_types) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{n: 1.0, s: '1', b: true, y: yes, z: ~}", R"({"n":1.0,"s":"1","b":true,"y":"yes","z":null})"},
      {"{a: [1, [], {}], e: 1e9, m: -0.5, big: 123456789012345678901234567890}",
       R"({"a":[1,[],{}],"e":1e9,"m":-0.5,"big":123456789012345678901234567890})"},
      {"{hex: 0x1F, oct: 0o17, plus: +5, dot: .5, end: 5., old: 007, time: 12:30}",
       R"({"hex":31,"oct":15,"plus":5,"dot":0.5,"end":5.0,"old":"007","time":"12:30"})"},
      {"{minus: -.5, no: +-5, x: 0x, e: 1e, d: ., v: 1.2.3, T: TRUE}",
       R"({"minus":-0.5,"no":"+-5","x":"0x","e":"1e","d":".","v":"1.2.3","T":true})"},
      {R"({"q\"uote": "line\n\ttab \\ \x01"})", "{\"q\\\"uote\":\"line\\u000a\\u0009tab \\\\ \\u0001\"}"},
      {"{v: \"${TOKEN}\"}", R"({"v":"${TOKEN}"})"},
      {"{i: !!int 5, s: !!str 5, f: !!float 2.5}", R"({"i":5,"s":"5","f":2.5})"},
      {"", "{}"},
      {"{x: .inf}",
       "c.yaml:2:61: error: jobs.j.steps[0].arguments: JSON has no .inf; quote it if it is text\n"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(arguments(text), expected) << text;
}

}  // namespace
}  // namespace holdfast::config
