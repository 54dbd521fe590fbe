#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/nearest.h"
#include "cli/context.h"
#include "cli/table.h"

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

// What is wrong where a verb belongs, and which verbs there are; empty: another fault.
std::string verb_fault(const CLI::App& app, const CLI::ParseError& fault) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  if (at->get_require_subcommand_min() == 0) return "";
  const auto words = app.remaining(true);
  const bool missing = words.empty() && dynamic_cast<const CLI::RequiredError*>(&fault) != nullptr;
  if (words.empty() && !missing) return "";
  if (!missing && words.front().starts_with('-'))
    return at->get_name() + " has no option '" + words.front() + "'";
  std::vector<std::string_view> verbs;
  std::string list;
  for (const CLI::App* verb : at->get_subcommands([](const CLI::App*) { return true; })) {
    verbs.emplace_back(verb->get_name());
    list += (list.empty() ? "" : ", ") + verb->get_name();
  }
  if (missing) return at->get_name() + " needs a verb; it has " + list;
  const std::string fault_text = at->get_name() + " has no verb '" + words.front() + "'; ";
  const auto meant = nearest(words.front(), verbs);
  return fault_text + (meant.empty() ? "it has " + list : "did you mean '" + std::string(meant) + "'?");
}

// "--socket=": CLI11 takes the next word for the value.
std::string empty_path(const std::vector<std::string>& arguments) {
  for (const auto& word : arguments) {
    if (word == "--") break;
    if (word == "--config=" || word == "--state-dir=" || word == "--socket=") return word + " needs a path";
  }
  return "";
}

// `help VERB` is `VERB --help`.
void read_help(std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front() != "help") return;
  arguments.erase(arguments.begin());
  arguments.emplace_back("--help");
}

int parse_and_act(std::vector<std::string> arguments, Context& context) {
  CLI::App app("Holdfast owns the MCP servers of this machine: none left behind, none in use ever killed.",
               "holdfast");
  app.require_subcommand(1);
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION);
  app.footer(
      "Global options may stand before or after the verb. Each verb has its own --help, which\n`holdfast "
      "help VERB` prints too.");
  add_global_options(app, context);
  add_look_verbs(app, context);
  add_why_verb(app, context);
  add_act_verbs(app, context);
  add_job_verbs(app, context);
  add_token_verbs(app, context);
  add_setup_verbs(app, context);
  add_doctor_verb(app, context);
  if (const auto fault = empty_path(arguments); !fault.empty())
    return context.fail(daemon::kExitUsage, fault);
  read_help(arguments);
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e, context.out(), context.terminal.err);
    const auto fault = verb_fault(app, e);
    return context.fail(daemon::kExitUsage, fault.empty() ? one_line(e.what(), 500) : fault);
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
