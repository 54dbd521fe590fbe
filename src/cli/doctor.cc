// doctor: what this machine offers to custody, what is guaranteed here, and what would raise it.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/table.h"
#include "custody/survey.h"

namespace holdfast::cli {

namespace {

// Where the gateway that runs stands, which may be elsewhere than we do; null: nobody answers.
Json running_gateway(Context& context) {
  const auto socket = daemon::resolve_socket(context.paths, context.terminal.environment);
  if (!socket) return nullptr;
  std::error_code ec;
  const bool there = std::filesystem::exists(*socket, ec);
  if (ec)
    (void)context.fail(daemon::kExitNotPermitted,
                       "whether a gateway runs is not to be seen: " + socket->string() + ": " + ec.message());
  if (!there) return nullptr;
  const auto status = ask(context, "GET", "/v1/status");
  if (!status) return nullptr;
  const auto pid = status->at("gateway").at("pid").get<pid_t>();
  return {{"pid", pid},
          {"rung", status->at("custody").at("rung")},
          {"pidns", status->at("custody").at("pidns")},
          {"service", custody::runs_a_unit(pid)},
          {"listen", status->at("gateway").at("listen")},
          {"anonymous", status->at("gateway").at("anonymous")}};
}

Json here(const custody::Survey& survey, const custody::Surroundings& around) {
  return {{"rung", custody::to_string(survey.rungs.rung)},
          {"pidns", survey.rungs.no_pidns.empty() ? "yes" : "no: " + survey.rungs.no_pidns},
          {"service", around.service}};
}

Json as_json(const custody::Survey& survey, const Json& here, const Json& gateway) {
  const Json& speaks_of = gateway.is_null() ? here : gateway;
  Json findings = Json::array(), guarantees = Json::array();
  for (const auto& finding : survey.findings) {
    findings.push_back({{"name", finding.name},
                        {"there", finding.there},
                        {"detail", finding.detail},
                        {"raise", finding.raise.empty() ? Json() : Json(finding.raise)}});
  }
  const auto rung = speaks_of.at("rung") == "leaf" ? custody::Rung::leaf : custody::Rung::tree;
  for (const auto& row : custody::guarantees(rung, speaks_of.at("service").get<bool>()))
    guarantees.push_back({{"event", row.event}, {"servers", row.servers}, {"in_pidns", row.in_pidns}});
  return {{"here", here}, {"gateway", gateway}, {"findings", findings}, {"guarantees", guarantees}};
}

std::string place(const Json& stands) {
  return "on rung " + text_of(stands, "rung") +
         (stands.at("service") == true ? ", in a unit" : ", in no unit");
}

void print_guarantees(Context& context, const Json& facts) {
  const bool colour = context.terminal.colour;
  Table all({"WHEN", "THEN"}), better({"WHEN", "WITH isolation: pidns"});
  for (const auto& row : facts.at("guarantees")) {
    all.add({text_of(row, "event"), text_of(row, "servers")});
    if (row.at("servers") != row.at("in_pidns"))
      better.add({text_of(row, "event"), text_of(row, "in_pidns")});
  }
  all.print(context.out(), colour);
  const Json& speaks_of = facts.at(facts.at("gateway").is_null() ? "here" : "gateway");
  if (speaks_of.at("pidns") != "yes") return;
  context.out() << '\n';
  better.print(context.out(), colour);
}

// What tokens are no help against.
void print_admission(Context& context, const Json& gateway) {
  if (gateway.is_null() || gateway.at("listen").empty() || gateway.at("anonymous") == "never") return;
  const bool all = gateway.at("anonymous") == "everywhere";
  context.out() << "\nIt serves " << (all ? "whoever reaches it" : "every process of this machine")
                << " without a token (auth.anonymous: " << text_of(gateway, "anonymous")
                << "): rights of tokens are no boundary against " << (all ? "anybody" : "these") << ".\n";
}

void print(Context& context, const Json& facts) {
  auto& out = context.out();
  Table found({"HERE", "", "DETAIL"});
  for (const auto& finding : facts.at("findings"))
    found.add(
        {text_of(finding, "name"), finding.at("there") == true ? "yes" : "no", text_of(finding, "detail")});
  found.print(out, context.terminal.colour);
  out << '\n';
  if (const Json& gateway = facts.at("gateway"); gateway.is_null())
    out << "A gateway started here stands " << place(facts.at("here")) << ":\n\n";
  else
    out << "The gateway that runs (pid " << text_of(gateway, "pid") << ") stands " << place(gateway)
        << ":\n\n";
  print_guarantees(context, facts);
  print_admission(context, facts.at("gateway"));
  out << "\nWhat would raise it here:\n";
  bool any = false;
  for (const auto& finding : facts.at("findings")) {
    if (finding.at("raise").is_null()) continue;
    any = true;
    out << "  " << text_of(finding, "name") << ": " << text_of(finding, "raise") << '\n';
  }
  if (!any) out << "  nothing that a command could\n";
}

int doctor(Context& context) {
  const auto around = custody::look_around();
  const auto survey = custody::survey(daemon::keeper_path(context.terminal.environment), around);
  const Json facts = as_json(survey, here(survey, around), running_gateway(context));
  if (!print_json(context, facts)) print(context, facts);
  return daemon::kExitDone;
}

}  // namespace

void add_doctor_verb(CLI::App& app, Context& context) {
  auto* verb =
      app.add_subcommand("doctor",
                         "What this machine offers to custody, what is guaranteed, what would raise it")
          ->fallthrough();
  verb->footer("Example: holdfast doctor --json");
  verb->callback([&context] { context.action = [&context] { return doctor(context); }; });
}

}  // namespace holdfast::cli
