// status, ps, servers, tools, sessions, logs.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/plural.h"
#include "cli/context.h"
#include "cli/process_tree.h"
#include "cli/table.h"
#include "config/tool_name.h"

namespace holdfast::cli {

namespace {

constexpr std::chrono::seconds kListing{150};  // a first start may install packages
constexpr std::chrono::seconds kFollow{25};

// "2 active, 1 idle"; "none" if all are zero.
std::string counts(const Json& object) {
  std::string out;
  for (const auto& [name, count] : object.items()) {
    if (count == 0) continue;
    out += (out.empty() ? "" : ", ") + count.dump() + " " + name;
  }
  return out.empty() ? "none" : out;
}

std::string joined(const Json& list) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ", ") + item.get<std::string>();
  return out.empty() ? "-" : out;
}

// "cpu cgroup, memory rlimit per process".
std::string ways(const Json& limits) {
  std::string out;
  for (const auto& [name, way] : limits.items())
    out += (out.empty() ? "" : "; ") + name + " " + way.get<std::string>();
  return out.empty() ? "-" : out;
}

int status(Context& context) {
  const auto got = ask(context, "GET", "/v1/status");
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  const Json &gateway = got->at("gateway"), &custody = got->at("custody");
  context.out() << "gateway   " << text_of(gateway, "version") << ", pid " << text_of(gateway, "pid")
                << ", up " << age_of(text_of(gateway, "started_at")) << ", listens on "
                << joined(gateway.at("listen")) << '\n'
                << "custody   " << text_of(custody, "rung") << ": " << text_of(custody, "guarantee") << '\n'
                << "limits    " << ways(custody.value("limits", Json::object())) << '\n'
                << "trees     " << counts(custody.at("trees")) << "; " << text_of(custody, "reaped_total")
                << " reaped, " << counted(custody.at("sweeps_total").get<std::int64_t>(), "sweep", "sweeps")
                << "\n"
                << "servers   " << counts(got->at("servers")) << '\n'
                << "sessions  " << text_of(*got, "sessions") << '\n'
                << "jobs      " << counts(got->at("jobs")) << '\n';
  for (const auto& warning : got->value("warnings", Json::array()))
    context.out() << "warning   " << warning.get<std::string>() << '\n';
  return 0;
}

// Why it is not well; else which of its limits hold by nothing here (status says why).
std::string reason_of(const Json& server) {
  if (std::string why = text_of(server, "reason"); !why.empty()) return why;
  std::string out;
  for (const auto& [name, way] : server.value("limits", Json::object()).items())
    if (way.get<std::string>().starts_with("not"))
      out += (out.empty() ? "limits not enforced here: " : ", ") + name;
  return out;
}

// By what people call them: a run is "job/run", a client what it calls itself.
std::string holders(const Json& leases) {
  std::string out;
  for (const auto& lease : leases) {
    const std::string label = text_of(lease, "label");
    out += (out.empty() ? "" : ", ") + (label.empty() ? text_of(lease, "session") : label);
  }
  return out.empty() ? "-" : one_line(out, 40);
}

// Whether a launcher (npx, uvx) was spared; "-": there is none in its command, or it was not to be.
std::string run_of(const Json& row) {
  const auto it = row.find("resolve");
  if (it == row.end() || !it->is_object()) return "-";
  return it->value("direct", false) ? "direct" : "as written";
}

int ps(Context& context, bool tree) {
  const auto got = ask(context, "GET", tree ? "/v1/ps?tree=1" : "/v1/ps");
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  Table table({"ID", "SERVER", "STATE", "PID", "PROCS", "MEMORY", "CALLS", "UP", "UNTIL", "RUN", "HELD BY"});
  for (const auto& row : got->at("instances")) {
    const std::vector<std::string> cells{text_of(row, "id"),
                                         text_of(row, "server"),
                                         text_of(row, "state"),
                                         text_of(row, "pid"),
                                         std::to_string(row.at("processes").size()),
                                         memory_of(row),
                                         text_of(row, "calls_in_flight"),
                                         age_of(text_of(row, "started_at")),
                                         age_of(text_of(row, "stop_at")),
                                         run_of(row),
                                         holders(row.at("leases"))};
    if (!tree) {
      table.add(cells);
      continue;
    }
    context.out() << cells[0] << "  " << cells[1] << "  " << cells[2] << "  " << cells[5] << "  held by "
                  << cells.back() << '\n';
    if (run_of(row) != "-")
      context.out() << "  run " << run_of(row) << ": " << text_of(row.at("resolve"), "how") << '\n';
    print_process_tree(context.out(), row.value("tree", Json::array()));
  }
  if (!tree) table.print(context.out(), context.terminal.colour);
  return 0;
}

int servers(Context& context) {
  const auto got = ask(context, "GET", "/v1/servers");
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  Table table({"SERVER", "STATE", "SHARING", "INSTANCES", "STARTS", "FAILURES", "COMMAND", "REASON"});
  for (const auto& row : got->at("servers")) {
    table.add({text_of(row, "name"), text_of(row, "state"), text_of(row, "sharing"),
               text_of(row, "instances"), text_of(row, "starts"), text_of(row, "failures"),
               one_line(text_of(row, "command"), 40), one_line(reason_of(row), 80)});
  }
  table.print(context.out(), context.terminal.colour);
  return 0;
}

int tools(Context& context, const std::string& server) {
  const auto got =
      ask(context, "GET", server.empty() ? "/v1/tools" : "/v1/tools?server=" + encode(server), {}, kListing);
  if (!got) return got.error();
  if (!print_json(context, *got)) {
    Table table({"TOOL", "DESCRIPTION"});
    for (const auto& row : got->at("tools")) {
      table.add({config::join_tool_name(text_of(row, "server"), text_of(row, "name")),
                 one_line(text_of(row.at("tool"), "description"), 90)});
    }
    table.print(context.out(), context.terminal.colour);
  }
  for (const auto& row : got->at("errors")) {
    (void)context.fail(1, text_of(row, "server") + ": " + text_of(row, "message"));
  }
  return got->at("errors").empty() ? 0 : daemon::kExitFailed;
}

int sessions(Context& context) {
  const auto got = ask(context, "GET", "/v1/sessions");
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  Table table({"SESSION", "KIND", "LABEL", "SINCE", "SERVERS"});
  for (const auto& row : got->at("sessions")) {
    table.add({text_of(row, "id"), text_of(row, "kind"), one_line(text_of(row, "label"), 40),
               age_of(text_of(row, "since")), joined(row.at("servers"))});
  }
  table.print(context.out(), context.terminal.colour);
  return 0;
}

int logs(Context& context, const std::string& server, bool follow) {
  const std::string target = "/v1/logs/" + encode(server);
  auto got = ask_raw(context, {.method = "GET", .target = target, .headers = {}, .body = {}});
  while (got) {
    context.out() << got->body << std::flush;
    if (!follow || !context.out()) return 0;
    const std::string offset(got->header("Holdfast-Offset").value_or("0"));
    got = ask_raw(context,
                  {.method = "GET",
                   .target = target + "?wait=" + std::to_string(kFollow.count()) + "s&offset=" + offset,
                   .headers = {},
                   .body = {}},
                  kFollow + context.terminal.patience);
  }
  return got.error();
}

}  // namespace

void add_look_verbs(CLI::App& app, Context& context) {
  const auto verb = [&](const char* name, const char* about, const char* example) {
    auto* sub = app.add_subcommand(name, about)->fallthrough();
    sub->footer(std::string("Example: holdfast ") + example);
    return sub;
  };
  verb("status", "The gateway, what it guarantees here, and counts", "status --json")->callback([&context] {
    context.action = [&context] { return status(context); };
  });
  const auto tree = std::make_shared<bool>(false);
  auto* list =
      verb("ps", "Running server instances, and who holds them; if nobody does, until when they are kept",
           "ps --tree");
  list->add_flag("--tree", *tree, "draw the processes of each, with pids and memory");
  list->callback([&context, tree] { context.action = [&context, tree] { return ps(context, *tree); }; });
  verb("servers", "Configured servers and their state", "servers")->callback([&context] {
    context.action = [&context] { return servers(context); };
  });
  const auto name = std::make_shared<std::string>();
  auto* listing = verb("tools", "Tools of one server or of all", "tools memory");
  listing->add_option("NAME", *name, "a server")->check(not_empty);
  listing->callback(
      [&context, name] { context.action = [&context, name] { return tools(context, *name); }; });
  verb("sessions", "Live clients and runs, and what they hold", "sessions")->callback([&context] {
    context.action = [&context] { return sessions(context); };
  });
  const auto server = std::make_shared<std::string>();
  const auto follow = std::make_shared<bool>(false);
  auto* log = verb("logs", "What a server wrote to stderr", "logs memory -f");
  log->add_option("NAME", *server, "a server")->required()->check(not_empty);
  log->add_flag("-f,--follow", *follow, "go on as it grows");
  log->callback([&context, server, follow] {
    context.action = [&context, server, follow] { return logs(context, *server, *follow); };
  });
}

}  // namespace holdfast::cli
