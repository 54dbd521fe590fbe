// job next: when a schedule is due. Needs no gateway.
#include <CLI/CLI.hpp>
#include <chrono>
#include <istream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "config/load.h"
#include "daemon/check.h"
#include "schedule/planner.h"

namespace holdfast::cli {

namespace {

constexpr int kDefaultCount = 5, kMostCount = 10'000;

struct NextOptions {
  std::string name, timezone, from, seed;
  std::vector<std::string> schedules;
  int count = kDefaultCount;
  bool batch = false;
};

// What is wrong, where in which schedule; column 0: with something else.
struct Fault {
  std::string schedule;
  cron::ParseError error;
};
template <class T>
using Read = std::expected<T, Fault>;

// Of one job's schedules, which are one union.
struct Request {
  config::Job job;
  SystemTime from = std::chrono::system_clock::now();
  int count = kDefaultCount;
};

Read<std::vector<cron::Expression>> read_schedules(const config::Job& job) {
  std::vector<cron::Expression> out;
  for (const std::string& text : job.schedules) {
    auto read = schedule::read_schedule(job, text);
    if (!read) return std::unexpected(Fault{text, std::move(read.error())});
    out.push_back(std::move(*read));
  }
  return out;
}

// The moment that a text such as 2026-12-24T18:00:00+01:00 names, as `at` in a schedule reads it.
Read<SystemTime> read_moment(const std::string& text) {
  auto read = cron::Expression::parse("at " + text);
  if (!read) return std::unexpected(Fault{"", {0, "from: " + read.error().message, read.error().hint}});
  return read->next(SystemTime::min()).value_or(SystemTime::min());
}

std::vector<std::string> instants(const std::vector<cron::Expression>& schedules, const Request& request) {
  std::vector<std::string> out;
  for (SystemTime now = request.from; static_cast<int>(out.size()) < request.count;) {
    std::optional<SystemTime> best;
    const cron::Expression* whose = nullptr;
    for (const auto& each : schedules) {
      const auto next = each.next(now);
      if (!next || (best && *best <= *next)) continue;
      best = next;
      whose = &each;
    }
    if (!best) break;
    out.push_back(whose->format(*best));
    now = *best;
  }
  return out;
}

Read<Request> request_of(const Json& line) {
  const auto bad = [](std::string what) { return std::unexpected(Fault{"", {0, std::move(what), {}}}); };
  if (!line.is_object()) return bad("a request is a JSON object");
  Request request;
  for (const char* key : {"timezone", "from", "seed"})
    if (line.contains(key) && !line[key].is_null() && !line[key].is_string())
      return bad(std::string(key) + " is no text");
  const Json schedule = line.value("schedule", Json());
  for (const Json& each : schedule.is_array() ? schedule : Json::array({schedule})) {
    if (!each.is_string()) return bad("schedule is neither a text nor a list of texts");
    request.job.schedules.push_back(each.get<std::string>());
  }
  request.job.timezone = text_of(line, "timezone");
  request.job.hash_seed = text_of(line, "seed");
  if (const Json count = line.value("count", Json(kDefaultCount)); !count.is_null()) {
    if (!count.is_number_integer() || count < 1 || count > kMostCount)
      return bad("count is no number from 1 to " + std::to_string(kMostCount));
    request.count = count.get<int>();
  }
  if (const std::string from = text_of(line, "from"); !from.empty()) {
    const auto moment = read_moment(from);
    if (!moment) return std::unexpected(moment.error());
    request.from = *moment;
  }
  return request;
}

Json answer(const std::string& line) {
  const auto request = request_of(Json::parse(line, nullptr, false));
  const auto schedules = request ? read_schedules(request->job)
                                 : Read<std::vector<cron::Expression>>(std::unexpected(request.error()));
  if (schedules) return {{"next", instants(*schedules, *request)}};
  const auto& error = schedules.error().error;
  Json out{{"error", error.message}, {"column", error.column == 0 ? Json() : Json(error.column)}};
  if (!error.hint.empty()) out["hint"] = error.hint;
  return out;
}

int batch(Context& context) {
  for (std::string line; std::getline(context.terminal.in, line);)
    if (!line.empty())
      context.out() << answer(line).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n'
                    << std::flush;
  return 0;
}

// With the place shown under the expression.
int wrong(Context& context, const Fault& fault) {
  std::string text = fault.error.message;
  if (fault.error.column > 0)
    text += "\n    " + fault.schedule + "\n    " +
            std::string(static_cast<std::size_t>(fault.error.column - 1), ' ') + "^ column " +
            std::to_string(fault.error.column);
  if (!fault.error.hint.empty()) text += "\n    hint: " + fault.error.hint;
  return context.fail(daemon::kExitUsage, text);
}

// The job as the configuration has it, whether a gateway runs or not.
std::expected<config::Job, int> job_of(Context& context, const std::string& name) {
  const auto file = config::find_config_file(context.paths.config, context.terminal.environment);
  if (file.empty())
    return std::unexpected(
        context.fail(daemon::kExitConfiguration, config::none_found(context.terminal.environment)));
  auto loaded = config::load_file(file, daemon::process_environment(), daemon::check_schedule);
  const auto job = loaded.config.jobs.find(name);
  if (job == loaded.config.jobs.end())
    return std::unexpected(context.fail(daemon::kExitFailed, file.string() + " has no job " + name));
  return std::move(job->second);
}

std::expected<Request, int> read_request(Context& context, const NextOptions& options) {
  Request request;
  request.count = options.count;
  if (!options.name.empty()) {
    auto job = job_of(context, options.name);
    if (!job) return std::unexpected(job.error());
    request.job = std::move(*job);
  } else {
    request.job.schedules = options.schedules;
  }
  if (!options.timezone.empty()) request.job.timezone = options.timezone;
  if (!options.seed.empty()) request.job.hash_seed = options.seed;
  if (options.from.empty()) return request;
  const auto from = read_moment(options.from);
  if (!from) return std::unexpected(wrong(context, from.error()));
  request.from = *from;
  return request;
}

int next(Context& context, const NextOptions& options) {
  if (options.batch) return batch(context);
  if (options.name.empty() == options.schedules.empty())
    return context.fail(daemon::kExitUsage, "job next takes a job's name, or --schedule, or --batch");
  const auto request = read_request(context, options);
  if (!request) return request.error();
  const auto schedules = read_schedules(request->job);
  if (!schedules) return wrong(context, schedules.error());
  const auto due = instants(*schedules, *request);
  if (print_json(context, {{"next", due}})) return 0;
  for (const auto& each : *schedules) {
    context.out() << each.describe() << '\n';
    for (const std::string& warning : each.warnings()) context.terminal.err << "warning: " << warning << '\n';
  }
  for (const std::string& instant : due) context.out() << "  " << instant << '\n';
  if (due.empty()) context.out() << "  never\n";
  return 0;
}

}  // namespace

void add_job_next(CLI::App& job, Context& context) {
  const auto options = std::make_shared<NextOptions>();
  auto* sub = job.add_subcommand("next", "When a job or a schedule is due; needs no gateway")->fallthrough();
  sub->footer("Example: holdfast job next --schedule '0 7 * * MON-FRI' --timezone Europe/Berlin");
  sub->add_option("NAME", options->name, "a job of the configuration")->check(not_empty);
  sub->add_option("--schedule", options->schedules, "as in the configuration; repeatable")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option("--timezone", options->timezone, "by whose clock (default: the job's, or the host's)")
      ->check(not_empty);
  sub->add_option("--from", options->from, "after this RFC 3339 time (default: now)")->check(not_empty);
  sub->add_option("--count", options->count, "how many")
      ->check(CLI::Range(1, kMostCount))
      ->capture_default_str();
  sub->add_option("--seed", options->seed, "what H hashes (default: the job's name)");
  sub->add_flag("--batch", options->batch,
                "a request a line on standard input, as JSON: schedule, timezone, from, count, seed");
  sub->callback([&context, options] { context.action = [=, &context] { return next(context, *options); }; });
}

}  // namespace holdfast::cli
