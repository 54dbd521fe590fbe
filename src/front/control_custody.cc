#include <map>
#include <nlohmann/json.hpp>

#include "front/control_json.h"
#include "front/control_routes.h"
#include "os/procfs.h"

namespace holdfast::front::control {

namespace {

Json tree_counts(const ControlContext& context) {
  std::map<std::string, int> counts;
  for (const auto& tree : context.custodian.trees()) ++counts[std::string(custody::to_string(tree->state()))];
  for (const auto& server : context.gateway.servers()) counts["idle"] += server.idle;
  counts["active"] = std::max(0, counts["active"] - counts["idle"]);
  Json out = Json::object();
  for (const char* state : {"starting", "active", "idle", "orphaned", "stopping", "unkillable"}) {
    out[state] = counts[state];
  }
  return out;
}

Json server_counts(const ControlContext& context) {
  std::map<std::string, int> counts;
  for (const auto& server : context.gateway.servers()) ++counts[server.state];
  return {{"ready", counts["ready"]}, {"backoff", counts["backoff"]}, {"parked", counts["parked"]}};
}

Json job_counts(const ControlContext& context) {
  int running = 0, paused = 0;
  const auto jobs = context.scheduler.jobs();
  for (const auto& job : jobs) {
    running += job.running;
    paused += job.enabled ? 0 : 1;
  }
  return {{"total", jobs.size()}, {"running", running}, {"paused", paused}};
}

Json facts_json(const GatewayFacts& facts) {
  return {{"version", facts.version},
          {"pid", facts.pid},
          {"started_at", rfc3339_milliseconds(facts.started_at)},
          {"listen", facts.listen}};
}

// Parents and sizes, for `ps --tree`; whoever ended meanwhile is left out.
Json process_tree(const gateway::InstanceView& instance) {
  Json out = Json::array();
  std::vector<pid_t> pids = instance.processes;
  if (instance.keeper_pid > 0) pids.insert(pids.begin(), instance.keeper_pid);
  for (const pid_t pid : pids) {
    const auto stat = os::read_stat(pid);
    if (!stat) continue;
    out.push_back({{"pid", pid},
                   {"ppid", stat->ppid},
                   {"name", stat->comm.view()},
                   {"memory_bytes", os::pss_bytes(pid).value_or(0)}});
  }
  return out;
}

}  // namespace

Answer status(ControlContext& context, const Request&, const std::string&) {
  const auto& rung = context.custodian.rung();
  const auto totals = context.custodian.totals();
  co_return json_response({{"gateway", facts_json(context.hooks.facts)},
                           {"custody",
                            {{"rung", custody::to_string(rung.rung)},
                             {"guarantee", rung.guarantee},
                             {"trees", tree_counts(context)},
                             {"reaped_total", totals.reaped},
                             {"sweeps_total", totals.sweeps}}},
                           {"servers", server_counts(context)},
                           {"sessions", context.gateway.sessions().size()},
                           {"jobs", job_counts(context)}});
}

Answer ps(ControlContext& context, const Request& request, const std::string&) {
  const bool tree = request.query("tree").value_or("0") != "0";
  Json instances = Json::array();
  for (const auto& instance : context.gateway.instances()) {
    instances.push_back(to_json(instance));
    if (tree) instances.back()["tree"] = process_tree(instance);
  }
  co_return json_response({{"instances", std::move(instances)}});
}

Answer sweep(ControlContext& context, const Request& request, const std::string&) {
  const bool dry = request.query("dry_run").value_or("0") != "0";
  const custody::SweepReport report =
      dry ? context.custodian.sweep_dry_run() : co_await context.custodian.sweep();
  Json out = to_json(report);
  out["dry_run"] = dry;
  co_return json_response(out);
}

Answer shutdown(ControlContext& context, const Request&, const std::string&) {
  if (!context.hooks.shutdown)
    co_return error_response(503, "closed", "this gateway cannot be shut down here");
  context.hooks.shutdown();
  co_return json_response({{"shutdown", "requested"}, {"pid", context.hooks.facts.pid}}, 202);
}

Answer version(ControlContext& context, const Request&, const std::string&) {
  co_return json_response({{"version", context.hooks.facts.version}, {"pid", context.hooks.facts.pid}});
}

}  // namespace holdfast::front::control
