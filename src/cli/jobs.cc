// jobs, job run|show|history|log|cancel.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/table.h"

namespace holdfast::cli {

namespace {

struct JobOptions {
  std::string name, run, wait = "1h";
  int limit = 20;
  bool detach = false;
};
using Shared = std::shared_ptr<JobOptions>;

// "?run=17"; empty: no run was named.
std::string run_query(const JobOptions& options) {
  return options.run.empty() ? "" : "?run=" + encode(options.run);
}

std::string path_of(const JobOptions& options, std::string_view verb) {
  return "/v1/jobs/" + encode(options.name) + std::string(verb);
}

int jobs(Context& context) {
  const auto got = ask(context, "GET", "/v1/jobs");
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  Table table({"JOB", "SCHEDULE", "ACTION", "RUNNING", "NEXT", "LAST", "STATE", "REASON"});
  for (const auto& row : got->at("jobs")) {
    table.add({text_of(row, "name"), text_of(row, "schedule"), text_of(row, "action"),
               text_of(row, "running"), row.value("enabled", true) ? age_of(text_of(row, "next")) : "paused",
               age_of(text_of(row, "last")), text_of(row, "last_state"),
               one_line(text_of(row, "last_reason"), 60)});
  }
  table.print(context.out(), context.terminal.colour);
  return 0;
}

int show(Context& context, const JobOptions& options) {
  const auto got = ask(context, "GET", path_of(options, ""));
  if (!got) return got.error();
  const Json job = got->value("job", Json::object());
  if (print_json(context, job)) return 0;
  for (const auto& [key, value] : job.items()) {
    const std::string text = text_of(job, key.c_str());
    context.out() << key << std::string(key.size() < 12 ? 12 - key.size() : 1, ' ')
                  << (text.empty() ? "-" : text) << '\n';
  }
  return 0;
}

int run(Context& context, const JobOptions& options) {
  const auto wait = parse_duration(options.wait);
  if (!wait) return context.fail(daemon::kExitUsage, "--wait takes a duration: " + options.wait);
  const milliseconds work = (options.detach ? milliseconds(0) : *wait) + kAct;
  const auto got =
      ask(context, "POST", path_of(options, options.detach ? "/run" : "/run?wait=" + encode(options.wait)),
          {}, work);
  if (!got) return got.error();
  const Json run = got->value("run", Json::object());
  const std::string state = text_of(run, "state"), reason = text_of(run, "reason");
  if (!print_json(context, run)) {
    context.out() << "run " << text_of(run, "id") << " " << state << (reason.empty() ? "" : ": " + reason)
                  << '\n';
  }
  return options.detach || state == "ok" ? 0 : daemon::kExitFailed;
}

int history(Context& context, const JobOptions& options) {
  const auto got = ask(context, "GET", path_of(options, "/history?limit=" + std::to_string(options.limit)));
  if (!got) return got.error();
  if (print_json(context, *got)) return 0;
  Table table({"RUN", "STATE", "SCHEDULED", "STARTED", "ENDED", "TRIGGER", "REASON"});
  for (const auto& row : got->at("runs")) {
    table.add({text_of(row, "id"), text_of(row, "state"), text_of(row, "scheduled_at"),
               text_of(row, "started_at"), text_of(row, "ended_at"), text_of(row, "trigger"),
               one_line(text_of(row, "reason"), 80)});
  }
  table.print(context.out(), context.terminal.colour);
  return 0;
}

int log(Context& context, const JobOptions& options) {
  std::string offset = "0";
  const std::string run = run_query(options);
  for (;;) {
    const auto got = ask_raw(
        context, {.method = "GET",
                  .target = path_of(options, "/log" + (run.empty() ? "?" : run + "&") + "offset=" + offset),
                  .headers = {},
                  .body = {}});
    if (!got) return got.error();
    context.out() << got->body;
    const std::string next(got->header("Holdfast-Offset").value_or("0"));
    if (got->body.empty() || next == offset) return 0;
    offset = next;
  }
}

int cancel(Context& context, const JobOptions& options) {
  const auto got = ask(context, "POST", path_of(options, "/cancel" + run_query(options)), {}, kAct);
  if (!got) return got.error();
  if (!print_json(context, *got)) context.out() << "cancelled " << text_of(*got, "cancelled") << '\n';
  return 0;
}

using Verb = int (*)(Context&, const JobOptions&);
CLI::App* add(CLI::App& job, Context& context, const Shared& options, const char* name, const char* about,
              const char* example, Verb verb) {
  auto* sub = job.add_subcommand(name, about)->fallthrough();
  sub->footer(std::string("Example: holdfast job ") + example);
  sub->add_option("NAME", options->name, "a job")->required()->check(not_empty);
  sub->callback(
      [&context, options, verb] { context.action = [=, &context] { return verb(context, *options); }; });
  return sub;
}

}  // namespace

void add_job_verbs(CLI::App& app, Context& context) {
  auto* list = app.add_subcommand("jobs", "All jobs: when they ran, when they will")->fallthrough();
  list->footer("Example: holdfast jobs");
  list->callback([&context] { context.action = [&context] { return jobs(context); }; });

  auto* job = app.add_subcommand("job", "One job: run, show, history, log, cancel, next")->fallthrough();
  job->require_subcommand(1);
  const auto options = std::make_shared<JobOptions>();
  auto* running =
      add(*job, context, options, "run", "Run it now, and wait for the end: exit 0 only if it went well",
          "run digest --wait 30s", run);
  running->add_option("--wait", options->wait, "how long to wait for the end")->capture_default_str();
  running->add_flag("--no-wait", options->detach, "only start it");
  add(*job, context, options, "show", "Its schedule and state", "show digest", show);
  add(*job, context, options, "history", "Its latest runs, newest first", "history digest --limit 5", history)
      ->add_option("--limit", options->limit, "how many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add(*job, context, options, "log", "The log of one run", "log digest", log)
      ->add_option("RUN", options->run, "a run (default: the newest)")
      ->check(not_empty);
  add(*job, context, options, "cancel", "Interrupt one run, or all that are running", "cancel digest", cancel)
      ->add_option("RUN", options->run, "a run (default: all)")
      ->check(not_empty);
  add_job_next(*job, context);
}

}  // namespace holdfast::cli
