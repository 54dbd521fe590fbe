#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/context.h"

namespace holdfast::cli {

namespace {

void add_global_options(CLI::App& app, Context& context) {
  const auto option = [&](const char* name, std::string& value, const char* about) {
    app.add_option(name, value, about)
        ->take_last()  // before or after the verb, and the later one counts
        ->check(not_empty);
  };
  option("--config", context.paths.config, "configuration file");
  option("--state-dir", context.paths.state_dir, "database, ledger, logs");
  option("--socket", context.paths.socket, "control socket");
  app.add_flag("--json", context.json, "facts as JSON");
}

// A word where a verb belongs, and which verbs there are; empty: another fault. CLI11 only says that a
// subcommand is required.
std::string unknown_verb(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const auto words = app.remaining(true);
  if (at->get_require_subcommand_min() == 0 || words.empty()) return "";
  const bool option = words.front().starts_with('-');
  std::string out = at->get_name() + (option ? " has no option '" : " has no verb '") + words.front() + "'";
  if (option) return out;
  const char* separator = "; it has ";
  for (const CLI::App* verb : at->get_subcommands([](const CLI::App*) { return true; })) {
    out += separator + verb->get_name();
    separator = ", ";
  }
  return out;
}

}  // namespace

namespace {

int parse_and_act(std::vector<std::string> arguments, Context& context) {
  CLI::App app("Holdfast owns the MCP servers of this machine: none left behind, none in use ever killed.",
               "holdfast");
  app.require_subcommand(1);
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION);
  app.footer("Global options may stand before or after the verb. Each verb has its own --help.");
  add_global_options(app, context);
  add_look_verbs(app, context);
  add_act_verbs(app, context);
  add_job_verbs(app, context);
  add_setup_verbs(app, context);
  add_doctor_verb(app, context);
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    if (const auto fault = unknown_verb(app); e.get_exit_code() != 0 && !fault.empty())
      return context.fail(daemon::kExitUsage, fault);
    const int code = app.exit(e, context.out(), context.terminal.err);
    return code == 0 ? daemon::kExitDone : daemon::kExitUsage;
  }
  try {
    return context.action ? context.action() : daemon::kExitUsage;
  } catch (const std::exception& e) {  // an answer of another shape than this version knows
    return context.fail(daemon::kExitFailed, e.what());
  }
}

}  // namespace

int run(std::vector<std::string> arguments, Terminal terminal) {
  Context context{.terminal = std::move(terminal), .paths = {}, .json = false, .action = {}};
  const int code = parse_and_act(std::move(arguments), context);
  if (context.out().flush()) return code;
  // A full disk must not look like success.
  const int lost = context.fail(daemon::kExitFailed, "standard output did not take the whole answer");
  return code == daemon::kExitDone ? lost : code;
}

}  // namespace holdfast::cli
