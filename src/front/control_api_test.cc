#include "front/control_api.h"

#include <unistd.h>

#include <climits>

#include <nlohmann/json.hpp>

#include "front/fakes.h"
#include "os/procfs.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;
using Json = nlohmann::ordered_json;

struct ControlApiTest : testing::Test {
  FakeFront front;
  Json get(const std::string& target) { return Json::parse(front.ask("GET", target).body); }
  static std::vector<std::string> keys(const Json& json) {
    std::vector<std::string> out;
    for (const auto& [key, value] : json.items()) out.push_back(key);
    return out;
  }
};

TEST_F(ControlApiTest, status_has_the_documented_shape) {
  const Json got = get("/v1/status");
  EXPECT_EQ(
      got.dump(),
      R"({"gateway":{"version":"1.2.3","pid":42,"started_at":"1970-01-01T00:00:00.000Z",)"
      R"("listen":["127.0.0.1:4653"],"anonymous":"loopback"},"custody":{"rung":"tree","pidns":"yes","guarantee":"gone with the gateway",)"
      R"("limits":{"memory":"rlimit per process","pids":"not enforced: no leaf","cpu":"not enforced: no leaf",)"
      R"("files":"rlimit per process"},)"
      R"("trees":{"starting":0,"active":0,"idle":0,"draining":0,"orphaned":0,"stopping":0,"unkillable":0},)"
      R"("reaped_total":4,"sweeps_total":2},"servers":{"ready":1,"backoff":0,"parked":1,"unusable":0},)"
      R"("sessions":1,"jobs":{"total":1,"running":1,"paused":0},"warnings":[]})");
}

TEST_F(ControlApiTest, status_warns_and_counts_as_ps_says) {
  front.warning = "the state is gone";
  EXPECT_EQ(get("/v1/status")["warnings"].dump(), R"(["the state is gone"])");
  front.gateway.unusable = "env.TOKEN: the variable TOKEN is not set";
  EXPECT_EQ(get("/v1/status")["servers"].dump(), R"({"ready":1,"backoff":0,"parked":0,"unusable":1})");
  EXPECT_EQ(get("/v1/status")["warnings"][1],
            "server broken is not started: env.TOKEN: the variable TOKEN is not set");
  gateway::InstanceView draining, starting;
  draining.id = "t-1", starting.id = "t-2";
  draining.draining = starting.draining = true;
  draining.state = custody::TreeState::active;
  front.gateway.views = {draining, starting};
  EXPECT_EQ(get("/v1/status")["custody"]["trees"]["draining"], 1);
  EXPECT_EQ(get("/v1/ps")["instances"][0]["state"], "draining");
  EXPECT_EQ(get("/v1/ps")["instances"][1]["state"], "starting");
}

TEST_F(ControlApiTest, ps_has_the_documented_shape) {
  gateway::InstanceView view;
  view.id = "t-1", view.server = "memory", view.state = custody::TreeState::active, view.idle = true;
  view.pid = ::getpid(), view.processes = {::getpid()};
  view.leases.push_back(
      {.session = "5cfb", .label = "digest/17", .kind = gateway::SessionKind::job, .since = {}});
  view.stop_at = std::chrono::system_clock::time_point(1500ms);
  front.gateway.views = {view};
  const Json row = get("/v1/ps")["instances"][0];
  EXPECT_EQ(keys(row),
            (std::vector<std::string>{"id", "server", "key", "state", "pid", "keeper_pid", "processes",
                                      "memory_bytes", "rung", "leases", "calls_in_flight", "started_at",
                                      "idle_since", "stop_at", "reason", "resolve"}));
  EXPECT_TRUE(row["resolve"].is_null());
  EXPECT_EQ(row["state"], "idle");
  EXPECT_EQ(row["leases"].dump(),
            R"([{"session":"5cfb","label":"digest/17","kind":"job","since":"1970-01-01T00:00:00.000Z"}])");
  EXPECT_EQ(row["stop_at"], "1970-01-01T00:00:01.500Z");
  EXPECT_TRUE(row["idle_since"].is_null());
  const Json tree = get("/v1/ps?tree=1")["instances"][0]["tree"];
  EXPECT_EQ(tree[0]["pid"], ::getpid());
  EXPECT_GT(row["memory_bytes"], 100'000);
  EXPECT_GT(tree[0]["memory_bytes"], 100'000);
}

TEST_F(ControlApiTest, ps_tells_how_a_launcher_was_run) {
  gateway::InstanceView view;
  view.id = "t-1", view.resolution = gateway::Resolution{.direct = true, .how = "/x/.bin/serve"};
  front.gateway.views = {view};
  EXPECT_EQ(get("/v1/ps")["instances"][0]["resolve"].dump(), R"({"direct":true,"how":"/x/.bin/serve"})");
}

TEST_F(ControlApiTest, why_tells_whose_a_process_is) {
  gateway::InstanceView view;
  view.id = "t-1", view.server = "memory", view.keeper_pid = ::getppid(), view.processes = {::getpid()};
  view.leases.push_back(
      {.session = "5cfb", .label = "digest/17", .kind = gateway::SessionKind::job, .since = {}});
  front.gateway.views = {view};
  const std::string own = std::to_string(::getpid());
  const Json got = get("/v1/why/" + own);
  EXPECT_EQ(keys(got), (std::vector<std::string>{"pid", "name", "role", "path", "instance"}));
  EXPECT_EQ(got["role"], "member");
  EXPECT_EQ(got["path"].size(), 2U) << got;
  EXPECT_EQ(got["path"][0]["pid"], ::getppid());
  EXPECT_EQ(got["path"][1]["pid"], ::getpid());
  EXPECT_EQ(got["instance"]["leases"][0]["label"], "digest/17");
  front.gateway.views[0].pid = ::getpid();
  EXPECT_EQ(get("/v1/why/" + own)["role"], "leader");
  EXPECT_EQ(get("/v1/why/" + std::to_string(::getppid()))["role"], "keeper");

  front.gateway.views.clear();
  const auto not_ours = front.ask("GET", "/v1/why/" + own);
  EXPECT_EQ(not_ours.status, 404U);
  EXPECT_NE(not_ours.body.find("process " + own + " (front_test) is not ours"), std::string::npos)
      << not_ours.body;
  EXPECT_EQ(front.ask("GET", "/v1/why/" + std::to_string(INT_MAX)).status, 404U);
  for (const char* wrong : {"0", "-1", "x", "1x", "99999999999999999999",
                            "%20"
                            "1"})
    EXPECT_EQ(front.ask("GET", std::string("/v1/why/") + wrong).status, 400U) << wrong;
}

// Whose memory one may not read has none to be seen, as the kernel's own threads have none.
TEST_F(ControlApiTest, memory_that_cannot_be_seen_is_null_and_no_zero) {
  gateway::InstanceView view;
  view.id = "t-1", view.keeper_pid = 1, view.pid = ::getpid(), view.processes = {::getpid()};
  front.gateway.views = {view};
  const bool seen = os::pss_bytes(1).has_value();  // root sees all
  const Json row = get("/v1/ps?tree=1")["instances"][0];
  EXPECT_EQ(row["tree"][0]["memory_bytes"].is_null(), !seen) << row;
  EXPECT_GT(row["memory_bytes"], 100'000);
  front.gateway.views[0].processes = {1};
  EXPECT_EQ(get("/v1/ps")["instances"][0]["memory_bytes"].is_null(), !seen);
  front.gateway.views[0].processes = {INT_MAX};  // nobody
  EXPECT_TRUE(get("/v1/ps")["instances"][0]["memory_bytes"].is_null());
}

TEST_F(ControlApiTest, ps_shows_a_start_once_and_what_is_unknown_as_null) {
  gateway::InstanceView instance, tree;
  instance.server = tree.server = "memory";
  tree.id = "t-1", tree.rung = custody::Rung::leaf;
  tree.started_at = std::chrono::system_clock::time_point(1500ms);
  front.gateway.views = {instance, tree};
  const Json rows = get("/v1/ps")["instances"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(
      rows[0].dump(),
      R"({"id":"t-1","server":"memory","key":"","state":"starting","pid":null,"keeper_pid":null,"processes":[],)"
      R"("memory_bytes":null,"rung":"leaf","leases":[],"calls_in_flight":0,"started_at":"1970-01-01T00:00:01.500Z",)"
      R"("idle_since":null,"stop_at":null,"reason":"","resolve":null})");
  const Json left = Json::parse(front.ask("POST", "/v1/servers/memory/stop").body)["left"][0];
  for (const char* unknown : {"id", "pid", "keeper_pid", "rung", "started_at"})
    EXPECT_TRUE(left[unknown].is_null()) << unknown;
}

TEST_F(ControlApiTest, call_runs_in_a_session_of_its_own_that_ends) {
  const auto got = front.ask("POST", "/v1/call", R"({"server":"memory","tool":"echo","arguments":{"a":1}})");
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, R"({"result":{"name":"echo","arguments":{"a":1}}})");
  EXPECT_EQ(front.counts.opened, 1);
  EXPECT_EQ(front.counts.ended, 1);
}

TEST_F(ControlApiTest, a_caller_that_goes_cancels_its_call_and_ends_its_session) {
  RawClient client(front.path);
  const std::string body = R"({"server":"memory","tool":"slow"})";
  client.send("POST /v1/call HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  ASSERT_TRUE(eventually([&] { return front.counts.requests == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return front.counts.cancelled == 1 && front.counts.ended == 1; }));
}

TEST_F(ControlApiTest, errors_have_one_shape_and_a_fitting_status) {
  const auto expect = [&](const net::HttpResponse& got, unsigned status, std::string_view code) {
    EXPECT_EQ(got.status, status) << got.body;
    EXPECT_EQ(Json::parse(got.body)["error"]["code"], code) << got.body;
    EXPECT_TRUE(Json::parse(got.body)["error"]["message"].is_string());
  };
  expect(front.ask("POST", "/v1/call", "{"), 400, "invalid");
  expect(front.ask("POST", "/v1/call", R"({"server":"x","tool":"y"})"), 404, "not_found");
  expect(front.ask("POST", "/v1/call", R"({"server":"memory","tool":"fail"})"), 502, "rpc");
  expect(front.ask("POST", "/v1/call", R"({"server":"memory","tool":"refused"})"), 409, "refused");
  expect(front.ask("GET", "/v1/call"), 405, "invalid");
  expect(front.ask("GET", "/v1/nothing"), 404, "not_found");
  expect(front.ask("GET", "/v1/jobs/nobody"), 404, "not_found");
  expect(front.ask("POST", "/v1/jobs/nobody/run"), 404, "not_found");
  expect(front.ask("POST", "/v1/jobs/digest/run?wait=soon"), 400, "invalid");
  expect(front.ask("GET", "/v1/logs/nobody"), 404, "not_found");
  expect(front.ask("GET", "/v1/tools?server=broken"), 409, "refused");
}

// Each of these was read as something else than was meant: a cancel of one run as one of all, for a start.
TEST_F(ControlApiTest, what_a_route_does_not_know_is_refused_and_not_ignored) {
  const auto fault = [&](std::string method, std::string target, std::string body = {}) {
    const auto got = front.ask(std::move(method), std::move(target), std::move(body));
    EXPECT_EQ(got.status, 400U) << got.body;
    return Json::parse(got.body)["error"].value("message", "");
  };
  const std::string usage = ": POST /v1/jobs/NAME/cancel takes ?run= and no body";
  EXPECT_EQ(fault("POST", "/v1/jobs/digest/cancel?run="), "the query key run has no value" + usage);
  EXPECT_EQ(fault("POST", "/v1/jobs/digest/cancel?Run=17"), "unknown query key Run" + usage);
  EXPECT_EQ(fault("POST", "/v1/jobs/digest/cancel?run=17&run=18"),
            "the query key run stands there twice" + usage);
  EXPECT_EQ(fault("POST", "/v1/jobs/digest/cancel", R"({"run":"17"})"), "a body that nobody reads" + usage);
  EXPECT_EQ(fault("POST", "/v1/sweep", R"({"dry_run":true})"),
            "a body that nobody reads: POST /v1/sweep takes ?dry_run= and no body");
  fault("POST", "/v1/sweep", "garbage");
  fault("POST", "/v1/sweep?dry_run=maybe");
  EXPECT_EQ(front.counts.swept, 0);
  fault("POST", "/v1/shutdown?when=later");
  EXPECT_EQ(front.counts.shutdowns, 0);
  EXPECT_EQ(fault("GET", "/v1/jobs/digest/log?lines=3"),
            "unknown query key lines: GET /v1/jobs/NAME/log takes ?run=, ?offset=, ?wait= and no body");
  EXPECT_EQ(fault("GET", "/v1/jobs/digest/history?limit=-1"), "limit is from 1 to 1000");
  fault("POST", "/v1/call", R"({"server":"memory","tool":"echo","args":{}})");
  EXPECT_EQ(front.ask("POST", "/v1/sweep", " {}\n").status, 200U) << "this says nothing that could be missed";
}

TEST_F(ControlApiTest, nesting_that_would_exhaust_the_stack_is_refused_from_either_side) {
  const std::string deep = std::string(400'000, '[') + std::string(400'000, ']');
  const auto asked =
      front.ask("POST", "/v1/call", R"({"server":"memory","tool":"echo","arguments":{"a":)" + deep + "}}");
  EXPECT_EQ(asked.status, 400U);
  const auto answered = front.ask("POST", "/v1/call", R"({"server":"memory","tool":"deep"})");
  EXPECT_EQ(answered.status, 502U);
  EXPECT_EQ(Json::parse(answered.body)["error"]["message"], "deep");
}

TEST_F(ControlApiTest, tools_of_all_servers_come_with_the_errors_of_some) {
  const Json got = get("/v1/tools");
  EXPECT_EQ(got["tools"][0]["server"], "memory");
  EXPECT_EQ(got["tools"][0]["tool"]["description"], "Reads. All of it.");
  EXPECT_EQ(got["errors"][0]["server"], "broken");
  EXPECT_EQ(front.counts.ended, 1);
}

TEST_F(ControlApiTest, stop_and_restart_end_instances_and_show_who_uses_the_rest) {
  gateway::InstanceView view;
  view.id = "t-1", view.server = "memory", view.draining = true, view.calls_in_flight = 1;
  view.state = custody::TreeState::active;
  front.gateway.views = {view};
  const Json stopped = Json::parse(front.ask("POST", "/v1/servers/memory/stop").body);
  EXPECT_EQ(keys(stopped), (std::vector<std::string>{"server", "force", "stopped", "left"}));
  EXPECT_EQ(stopped["stopped"], 1);
  EXPECT_EQ(stopped["left"][0]["state"], "draining");
  EXPECT_EQ(front.counts.forced + front.counts.forgiven, 0);
  EXPECT_EQ(Json::parse(front.ask("POST", "/v1/servers/memory/restart?force=1").body)["stopped"], 2);
  EXPECT_EQ(front.counts.forced, 1);
  EXPECT_EQ(front.counts.forgiven, 1);
  EXPECT_EQ(front.ask("POST", "/v1/servers/nobody/stop").status, 404U);
}

TEST_F(ControlApiTest, reload_has_the_documented_shape) {
  front.reloaded = {.file = "/c.yaml",
                    .applied = true,
                    .problems = {"/c.yaml:1:1: warning: x"},
                    .servers = {{"a"}, {"b"}, {}, 3},
                    .jobs = {},
                    .needs_restart = {"listen"}};
  EXPECT_EQ(front.ask("POST", "/v1/reload").body,
            R"({"file":"/c.yaml","applied":true,"problems":["/c.yaml:1:1: warning: x"],)"
            R"("servers":{"added":["a"],"changed":["b"],"removed":[],"unchanged":3},)"
            R"("jobs":{"added":[],"changed":[],"removed":[],"unchanged":0},"needs_restart":["listen"]})");
}

TEST_F(ControlApiTest, jobs_run_history_and_cancel) {
  EXPECT_EQ(get("/v1/jobs")["jobs"][0]["name"], "digest");
  EXPECT_EQ(get("/v1/jobs/digest")["job"]["schedule"], "every 10m");
  EXPECT_EQ(get("/v1/jobs/digest/history")["runs"][0]["state"], "ok");
  EXPECT_EQ(front.ask("POST", "/v1/jobs/digest/run").status, 202U);
  EXPECT_EQ(Json::parse(front.ask("POST", "/v1/jobs/digest/run?wait=1s").body)["run"]["state"], "ok");
  EXPECT_EQ(Json::parse(front.ask("POST", "/v1/jobs/digest/cancel").body)["cancelled"], 2);
  EXPECT_EQ(Json::parse(front.ask("POST", "/v1/jobs/digest/cancel?run=17").body)["cancelled"], 1);
}

TEST_F(ControlApiTest, logs_are_read_by_offset_and_waited_for) {
  front.gateway.log = front.dir.path / "memory.log";
  EXPECT_EQ(front.ask("GET", "/v1/logs/memory").body, "");
  std::ofstream(front.gateway.log) << "one\n\xff\n";
  const auto all = front.ask("GET", "/v1/logs/memory");
  EXPECT_EQ(all.body, "one\n\xff\n");
  EXPECT_EQ(all.header("Holdfast-Offset"), "6");
  RawClient follower(front.path);
  follower.send("GET /v1/logs/memory?offset=6&wait=20s HTTP/1.1\r\nHost: x\r\n\r\n");
  std::ofstream(front.gateway.log, std::ios::app) << "two\n";
  EXPECT_NE(follower.read_until("two\n").find("two\n"), std::string::npos);
  std::ofstream(front.gateway.log) << "new\n";  // rotated
  EXPECT_EQ(front.ask("GET", "/v1/logs/memory?offset=10").body, "new\n");
}

TEST_F(ControlApiTest, sweep_and_shutdown_act_and_a_dry_run_does_not) {
  EXPECT_EQ(front.ask("POST", "/v1/sweep?dry_run=1").body,
            R"({"examined":3,"reaped":["t-1"],"unkillable":[],"dry_run":true})");
  EXPECT_EQ(front.counts.swept, 0);
  front.ask("POST", "/v1/sweep");
  EXPECT_EQ(front.counts.swept, 1);
  EXPECT_EQ(front.ask("POST", "/v1/shutdown").status, 202U);
  EXPECT_EQ(front.counts.shutdowns, 1);
}

TEST_F(ControlApiTest, strangers_and_tcp_peers_are_refused) {
  const Handler handler = control_service(*front.api, *front.endpoint).handler;
  for (const net::Peer peer : {net::Peer{.local = true, .uid = ::geteuid() + 1, .pid = 1}, net::Peer{}}) {
    Request request;
    request.method = "GET";
    request.target = "/v1/status";
    request.peer = peer;
    EXPECT_EQ(front.thread.await(handler(request)).status, 403U);
    request.target = "/mcp/memory";
    EXPECT_EQ(front.thread.await(handler(request)).status, 403U);
  }
}

TEST_F(ControlApiTest, a_web_page_is_refused_on_the_socket_too) {
  EXPECT_EQ(front.ask("GET", "/v1/status", {}, {{"Origin", "http://evil.example"}}).status, 403U);
  EXPECT_EQ(front.ask("GET", "/v1/status", {}, {{"Origin", "http://localhost:1"}}).status, 200U);
}

}  // namespace
}  // namespace holdfast::front
