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

}  // namespace

int run(std::vector<std::string> arguments, Terminal terminal) {
  Context context{.terminal = std::move(terminal), .paths = {}, .json = false, .action = {}};
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
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e, context.out(), context.terminal.err);
    return code == 0 ? daemon::kExitDone : daemon::kExitUsage;
  }
  try {
    return context.action ? context.action() : daemon::kExitUsage;
  } catch (const std::exception& e) {  // an answer of another shape than this version knows
    return context.fail(daemon::kExitFailed, e.what());
  }
}

}  // namespace holdfast::cli
