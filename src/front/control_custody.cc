#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "front/control_json.h"
#include "front/control_routes.h"
#include "os/procfs.h"

namespace holdfast::front::control {

using std::chrono::steady_clock;

namespace {

Json tree_counts(const ControlContext& context) {
  std::map<std::string, int> counts;
  for (const auto& tree : context.custodian.trees()) ++counts[std::string(custody::to_string(tree->state()))];
  // These two are what the gateway calls an active tree; `ps` says the same.
  for (const auto& server : context.gateway.servers()) counts["idle"] += server.idle;
  for (const auto& instance : context.gateway.instances()) counts["draining"] += is_draining(instance);
  counts["active"] = std::max(0, counts["active"] - counts["idle"] - counts["draining"]);
  Json out = Json::object();
  for (const char* state : {"starting", "active", "idle", "draining", "orphaned", "stopping", "unkillable"}) {
    out[state] = counts[state];
  }
  return out;
}

Json warnings(const ControlContext& context) {
  const std::string warning = context.hooks.warning ? context.hooks.warning() : "";
  Json out = warning.empty() ? Json::array() : Json::array({warning});
  for (const auto& server : context.gateway.servers())
    if (server.state == "unusable")
      out.push_back("server " + server.name + " is not started: " + server.reason);
  return out;
}

Json limits_json(const custody::Enforcement& limits) {
  Json out = Json::object();
  for (const auto& row : limits.rows()) out[row.name] = row.words();
  return out;
}

Json server_counts(const ControlContext& context) {
  std::map<std::string, int> counts;
  for (const auto& server : context.gateway.servers()) ++counts[server.state];
  return {{"ready", counts["ready"]},
          {"backoff", counts["backoff"]},
          {"parked", counts["parked"]},
          {"unusable", counts["unusable"]}};
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
          {"listen", facts.listen},
          {"anonymous", facts.anonymous}};
}

using Sizes = std::map<pid_t, std::int64_t>;  // PSS

// Of as many as can be asked in a moment.
asio::awaitable<Sizes> sizes_of(ControlContext& context, std::vector<pid_t> pids) {
  constexpr std::chrono::seconds kPatience{1};
  const auto measure = [pids = std::move(pids), until = steady_clock::now() + kPatience]() -> Result<Sizes> {
    Sizes sizes;
    for (const pid_t pid : pids) {
      if (steady_clock::now() >= until) break;
      if (const auto size = os::pss_bytes(pid)) sizes[pid] = *size;
    }
    return sizes;
  };
  co_return (co_await context.measuring->try_run(measure, 2 * kPatience)).value_or(Sizes());
}

// nullopt: it could not be measured in time, or is not ours to see.
std::optional<std::int64_t> size_of(const Sizes& sizes, pid_t pid) {
  const auto found = sizes.find(pid);
  return found == sizes.end() ? std::nullopt : std::optional(found->second);
}

// Of those of whom it is known; nullopt: of none.
std::optional<std::int64_t> sum_of(const Sizes& sizes, const std::vector<pid_t>& pids) {
  std::optional<std::int64_t> sum;
  for (const pid_t pid : pids)
    if (const auto size = size_of(sizes, pid)) sum = sum.value_or(0) + *size;
  return sum;
}

std::vector<pid_t> with_keeper(const gateway::InstanceView& instance) {
  std::vector<pid_t> pids = instance.processes;
  if (instance.keeper_pid > 0) {
    pids.insert(pids.begin(), instance.keeper_pid);
    // A namespace's init is no member, and stands between.
    if (instance.rung == custody::Rung::pidns)
      (void)os::for_each_child(instance.keeper_pid, [&](pid_t init) { pids.insert(pids.begin() + 1, init); });
  }
  return pids;
}

// Parents and sizes, for `ps --tree`; whoever ended meanwhile is left out.
Json process_tree(const gateway::InstanceView& instance, const Sizes& sizes) {
  Json out = Json::array();
  for (const pid_t pid : with_keeper(instance)) {
    const auto stat = os::read_stat(pid);
    if (!stat) continue;
    out.push_back({{"pid", pid},
                   {"ppid", stat->ppid},
                   {"name", stat->comm.view()},
                   {"memory_bytes", json_size(size_of(sizes, pid))}});
  }
  return out;
}

// What a process is in a tree; empty: it is not of it.
std::string_view role_in(const gateway::InstanceView& instance, pid_t pid) {
  if (pid == instance.keeper_pid) return "keeper";
  if (pid == instance.pid) return "leader";
  const auto among = [pid](const auto& pids) { return std::ranges::find(pids, pid) != pids.end(); };
  if (among(instance.processes)) return "member";
  return among(with_keeper(instance)) ? "init" : "";
}

Json named(const os::ProcStat& stat) { return {{"pid", stat.pid}, {"name", stat.comm.view()}}; }

// From the keeper, or as far up as one can see, down to the process itself.
Json path_to(const os::ProcStat& process, pid_t keeper) {
  constexpr std::size_t kDeepest = 64;
  Json path = Json::array({named(process)});
  os::ProcStat at = process;
  while (at.pid != keeper && at.ppid > 1 && path.size() < kDeepest) {
    const auto parent = os::read_stat(at.ppid);
    if (!parent) break;
    path.insert(path.begin(), named(*parent));
    at = *parent;
  }
  return path;
}

// Whose tag a process of nobody's bears: for people, as what bears ours may have been left by a life before.
asio::awaitable<std::string> tag_of(ControlContext& context, pid_t pid) {
  const auto read = [pid]() -> Result<std::string> {
    FixedString<224> value;
    const auto found = os::read_environ(pid, "HOLDFAST_TREE", value);
    return found && *found ? std::string(value.view()) : std::string();
  };
  const std::string tag = (co_await context.measuring->try_run(read, std::chrono::seconds(1))).value_or("");
  if (tag.empty()) co_return "";
  const std::string gateway = tag.substr(0, tag.find('/'));
  co_return gateway == context.custodian.gateway_id()
      ? "; it bears our tag (" + tag + "), of a tree that we do not hold"
      : "; it bears the tag of another gateway (" + tag + ")";
}

}  // namespace

Answer status(ControlContext& context, const Request&, const std::string&) {
  const auto& rung = context.custodian.rung();
  const auto totals = context.custodian.totals();
  co_return json_response({{"gateway", facts_json(context.hooks.facts)},
                           {"custody",
                            {{"rung", custody::to_string(rung.rung)},
                             {"pidns", rung.no_pidns.empty() ? "yes" : "no: " + rung.no_pidns},
                             {"guarantee", rung.guarantee},
                             {"limits", limits_json(rung.limits)},
                             {"trees", tree_counts(context)},
                             {"reaped_total", totals.reaped},
                             {"sweeps_total", totals.sweeps}}},
                           {"servers", server_counts(context)},
                           {"sessions", context.gateway.sessions().size()},
                           {"jobs", job_counts(context)},
                           {"warnings", warnings(context)}});
}

Answer ps(ControlContext& context, const Request& request, const std::string&) {
  const auto asked = flag_query(request, "tree");
  if (!asked) co_return error_response(asked.error());
  const bool tree = *asked;
  auto views = context.gateway.instances();
  // One that has no tree yet: custody's own row is there for it, and knows more.
  std::erase_if(views, [](const auto& view) { return view.id.empty(); });
  std::vector<pid_t> pids;
  for (const auto& view : views) {
    const auto these = tree ? with_keeper(view) : view.processes;
    pids.insert(pids.end(), these.begin(), these.end());
  }
  const Sizes sizes = co_await sizes_of(context, std::move(pids));
  Json instances = Json::array();
  for (const auto& view : views) {
    instances.push_back(to_json(view, sum_of(sizes, view.processes)));
    if (tree) instances.back()["tree"] = process_tree(view, sizes);
  }
  co_return json_response({{"instances", std::move(instances)}});
}

Answer why(ControlContext& context, const Request&, const std::string& name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || end != name.data() + name.size() || pid <= 0)
    co_return error_response(400, "invalid", "no number of a process: " + name);
  const auto stat = os::read_stat(pid);
  if (!stat) co_return error_response(404, "not_found", "there is no process " + name);
  Json out = named(*stat);
  if (pid == context.hooks.facts.pid) {
    out["role"] = "gateway";
    out["path"] = Json::array({named(*stat)});
    out["instance"] = nullptr;
    co_return json_response(out);
  }
  for (const auto& view : context.gateway.instances()) {
    const auto role = role_in(view, pid);
    if (role.empty()) continue;
    out["role"] = role;
    out["path"] = path_to(*stat, view.keeper_pid);
    out["instance"] = to_json(view, std::nullopt);
    out["instance"].erase("memory_bytes");  // nobody measured it for this
    co_return json_response(out);
  }
  co_return error_response(404, "not_found",
                           "process " + name + " (" + std::string(stat->comm.view()) + ") is not ours" +
                               co_await tag_of(context, pid));
}

Answer sweep(ControlContext& context, const Request& request, const std::string&) {
  const auto dry = flag_query(request, "dry_run");
  if (!dry) co_return error_response(dry.error());
  const custody::SweepReport report =
      *dry ? context.custodian.sweep_dry_run() : co_await context.custodian.sweep();
  Json out = to_json(report);
  out["dry_run"] = *dry;
  co_return json_response(out);
}

Answer shutdown(ControlContext& context, const Request&, const std::string&) {
  if (!context.hooks.shutdown)
    co_return error_response(503, "closed", "this gateway cannot be shut down here");
  context.hooks.shutdown();
  co_return json_response({{"shutdown", "requested"}, {"pid", context.hooks.facts.pid}}, 202);
}

Answer reload(ControlContext& context, const Request&, const std::string&) {
  if (!context.hooks.reload) co_return error_response(503, "closed", "this gateway cannot be reloaded here");
  const auto report = co_await context.hooks.reload();
  if (!report) co_return error_response(report.error());
  co_return json_response(to_json(*report));
}

Answer version(ControlContext& context, const Request&, const std::string&) {
  co_return json_response({{"version", context.hooks.facts.version}, {"pid", context.hooks.facts.pid}});
}

}  // namespace holdfast::front::control
