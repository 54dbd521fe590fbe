// why: whose a process is, who holds it, until when.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/table.h"

namespace holdfast::cli {

namespace {

// "digest/17, a run of the job digest, for 3s", one a line.
std::string holders(const Json& leases) {
  std::string out;
  for (const auto& lease : leases) {
    const std::string label = text_of(lease, "label"), session = text_of(lease, "session");
    out += (out.empty() ? "" : "\n          ") + one_line(label.empty() ? session : label, 60);
    if (text_of(lease, "kind") == "job")
      out += ", a run of the job " + label.substr(0, label.rfind('/'));
    else
      out += ", a client";
    if (!session.empty()) out += ", session " + session;
    out += ", for " + age_of(text_of(lease, "since"));
  }
  return out;
}

// Who, or else what keeps it or ends it.
std::string held_by(const Json& instance) {
  if (const auto& leases = instance.at("leases"); !leases.empty()) return holders(leases);
  const std::string state = text_of(instance, "state"), until = text_of(instance, "stop_at");
  if (state == "idle")
    return "nobody; its server's policy keeps it" + (until.empty() ? "" : ", stops " + age_of(until));
  return state == "starting" ? "nobody yet" : "nobody any more";
}

std::string path_of(const Json& path) {
  std::string out;
  for (const auto& process : path)
    out +=
        (out.empty() ? "" : " > ") + one_line(text_of(process, "name"), 40) + " " + text_of(process, "pid");
  return out;
}

std::string what_of(const Json& got) {
  const std::string role = text_of(got, "role"), id = text_of(got.at("instance"), "id");
  if (role == "keeper") return "the keeper of " + id;
  if (role == "init") return "the init of the PID namespace of " + id;
  return (role == "leader" ? "the first process of " : "a process of ") + id;
}

int why(Context& context, const std::string& pid) {
  const auto got = ask(context, "GET", "/v1/why/" + encode(pid));
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  const Json& instance = got->at("instance");
  context.out() << pid << " (" << one_line(text_of(*got, "name"), 40) << ") is "
                << (instance.is_null() ? "this gateway itself" : what_of(*got)) << '\n';
  if (instance.is_null()) return 0;
  const std::string server = text_of(instance, "server"), reason = text_of(instance, "reason");
  const bool command = server.contains('/');  // no server's name has one: a run of a job
  context.out() << (command ? "command   of the run " : "server    ") << server << ", "
                << text_of(instance, "state") << ", up " << age_of(text_of(instance, "started_at"))
                << (reason.empty() ? "" : ": " + one_line(reason, 120)) << '\n'
                << "held by   " << held_by(instance) << '\n';
  if (const auto calls = instance.value("calls_in_flight", std::int64_t{0}); calls > 0)
    context.out() << "calls     " << calls << " in flight\n";
  if (const auto until = text_of(instance, "stop_at"); !until.empty() && !instance.at("leases").empty())
    context.out() << "until     " << age_of(until) << ", unless it is used before\n";
  context.out() << "path      " << path_of(got->at("path")) << '\n';
  return 0;
}

}  // namespace

void add_why_verb(CLI::App& app, Context& context) {
  const auto pid = std::make_shared<std::string>();
  auto* verb =
      app.add_subcommand("why", "Whose a process is: its server, who holds it, until when")->fallthrough();
  verb->footer("Example: holdfast why 4711");
  verb->add_option("PID", *pid, "a process, by its number")->required()->check(CLI::PositiveNumber);
  verb->callback([&context, pid] { context.action = [&context, pid] { return why(context, *pid); }; });
}

}  // namespace holdfast::cli
