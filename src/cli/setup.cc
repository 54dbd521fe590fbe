// serve, check, run, version, connect.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/address.h"
#include "base/plural.h"
#include "cli/connect.h"
#include "cli/context.h"
#include "config/document.h"
#include "daemon/check.h"

namespace holdfast::cli {

namespace {

struct ServeFlags {
  std::vector<std::string> listen;
  std::string level = "info", format = "text";
};

int serve(Context& context, const ServeFlags& flags) {
  daemon::ServeOptions options;
  static_cast<daemon::PathOptions&>(options) = context.paths;
  options.listen = flags.listen;
  options.log_format = flags.format == "json" ? log::Format::json : log::Format::text;
  options.log_level = flags.level == "debug"   ? log::Level::debug
                      : flags.level == "warn"  ? log::Level::warn
                      : flags.level == "error" ? log::Level::error
                                               : log::Level::info;
  return daemon::serve(options);
}

Json problem_json(const config::Problem& problem) {
  return {{"severity", problem.severity == config::Problem::Severity::error ? "error" : "warning"},
          {"line", problem.line},
          {"column", problem.column},
          {"path", problem.path},
          {"message", problem.message}};
}

// Nobody else waits here: what comes through a pipe may be checked, if it is our own standard input.
config::Loaded read(Context& context, const std::filesystem::path& file) {
  const auto environment = daemon::process_environment();
  if (file != "/dev/stdin")
    return config::load_file(file, environment, daemon::check_schedule, daemon::check_command);
  std::string text(config::kLargestFile + 1, '\0');
  context.terminal.in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(context.terminal.in.gcount()));
  return config::load_text(text, file, environment, daemon::check_schedule, daemon::check_command);
}

config::Loaded load(Context& context, const std::filesystem::path& file) {
  auto loaded = read(context, file);
  daemon::check_tls_files(loaded);
  return loaded;
}

int check(Context& context, const std::string& given) {
  const std::filesystem::path file =
      config::find_config_file(given.empty() ? context.paths.config : given, context.terminal.environment);
  if (file.empty())
    return context.fail(daemon::kExitConfiguration, config::none_found(context.terminal.environment));
  const auto loaded = load(context, file);
  const bool clean = daemon::is_clean(loaded);
  const int code = clean ? daemon::kExitDone : daemon::kExitConfiguration;
  Json problems = Json::array(), unusable = Json::array();
  for (const auto& problem : loaded.problems) problems.push_back(problem_json(problem));
  for (const auto& [name, server] : loaded.config.servers) {
    if (!server.unusable.empty()) unusable.push_back({{"server", name}, {"reason", server.unusable}});
  }
  if (print_json(context, {{"file", file.string()},
                           {"ok", clean},
                           {"servers", loaded.config.servers.size()},
                           {"jobs", loaded.config.jobs.size()},
                           {"problems", problems},
                           {"unusable", unusable}})) {
    return code;
  }
  for (const auto& problem : loaded.problems) {
    context.terminal.err << config::format(problem, file.string()) << '\n';
  }
  // Of a file that is refused whole no entry is started, and all has been said.
  for (const auto& entry : loaded.blocks_start() ? Json::array() : unusable) {
    (void)context.fail(code, text_of(entry, "server") + " will not be started: " + text_of(entry, "reason"));
  }
  if (clean) {
    context.out() << file.string() << ": ok, " << counted(loaded.config.servers.size(), "server", "servers")
                  << ", " << counted(loaded.config.jobs.size(), "job", "jobs") << '\n';
  }
  return code;
}

int version(Context& context) {
  if (!print_json(context, {{"version", HOLDFAST_VERSION}}))
    context.out() << "holdfast " << HOLDFAST_VERSION << '\n';
  return 0;
}

}  // namespace

void add_setup_verbs(CLI::App& app, Context& context) {
  const auto flags = std::make_shared<ServeFlags>();
  auto* serving = app.add_subcommand("serve", "The gateway, in the foreground")->fallthrough();
  serving->footer("Example: holdfast serve --config seven-jobs.yaml --listen 127.0.0.1:0");
  serving
      ->add_option("--listen", flags->listen,
                   "HOST:PORT or unix:/PATH, repeatable; instead of the configuration's")
      ->expected(1)
      ->check([](const std::string& text) {
        const auto address = parse_address(text);
        return address ? std::string() : text + ": " + std::string(address.error().op);
      })
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  serving->add_option("--log-level", flags->level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  serving->add_option("--log-format", flags->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  serving->callback(
      [&context, flags] { context.action = [&context, flags] { return serve(context, *flags); }; });

  const auto file = std::make_shared<std::string>();
  auto* checking =
      app.add_subcommand("check", "Read a configuration and say all that is wrong with it")->fallthrough();
  checking->footer("Example: holdfast check seven-jobs.yaml");
  checking->add_option("FILE", *file, "default: the one that serve would read")->check(not_empty);
  checking->callback(
      [&context, file] { context.action = [&context, file] { return check(context, *file); }; });

  // For the list of verbs alone: main() has become its face before anybody parses (apps/holdfast/main.cc).
  auto* running = app.add_subcommand("run", "A command in custody, without a gateway")->prefix_command();
  running->footer("`holdfast run --help` says all of it.");
  running->callback([&context] {
    context.action = [&context] {
      return context.fail(daemon::kExitUsage,
                          "run must be the first word; `holdfast run --help` says what may follow it");
    };
  });

  auto* about = app.add_subcommand("version", "This program's version")->fallthrough();
  about->footer("Example: holdfast version --json");
  about->callback([&context] { context.action = [&context] { return version(context); }; });

  const auto server = std::make_shared<std::string>();
  auto* bridge =
      app.add_subcommand("connect", "A stdio MCP server that is one of the gateway's, or all of them")
          ->fallthrough();
  bridge->footer("Example: holdfast connect --server memory");
  bridge->add_option("--server", *server, "one server, its names untouched; else all, as server__tool")
      ->check(not_empty);
  bridge->callback(
      [&context, server] { context.action = [&context, server] { return connect(context, *server); }; });
}

}  // namespace holdfast::cli
