// Whatever bytes come: a configuration is read to an end, every problem has a place and one clean line, and
// what it came to keeps the promises of config.h.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/interpolate.h"
#include "config/load.h"
#include "fuzz.h"

namespace {

using namespace holdfast::config;
using holdfast::fuzz::require;

std::optional<std::string> environment(std::string_view name) {
  if (name == "HOME") return "/home/me";
  if (name == "A") return "${A}";            // a value is never expanded again
  if (name == "B") return "\xff\x1b[31m\n";  // nor may it reach a report as it is
  return std::nullopt;
}

std::optional<ScheduleFault> check_schedule(std::string_view schedule, const Job& job) {
  const std::string& zone = job.timezone.empty() ? job.default_timezone : job.timezone;
  if (!zone.empty() && zone != "UTC") return ScheduleFault{0, zone + " is no zone"};
  const auto at = schedule.find('!');
  if (at == std::string_view::npos) return std::nullopt;
  return ScheduleFault{static_cast<int>(at) + 1, "no such thing: " + std::string(schedule)};
}

// clipped() changes nothing in a line that is clean.
bool is_clean(const std::string& line) { return clipped(line, line.size()) == line; }

void check(const Problem& problem, int lines) {
  require(problem.line >= 0 && problem.line <= lines, "a line outside of the file");
  require((problem.line == 0) == (problem.column == 0) && problem.column >= 0, "half a place");
  require(is_clean(format(problem, "f")), "a report that is not one clean line");
  require(!problem.message.empty(), "a problem without words");
}

void check(const Server& server, std::string_view name) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  require(server.name == name && !name.empty() && name.size() <= 64, "a server's name");
  require(name.find_first_not_of(kLetters) == std::string_view::npos && !name.contains("__") &&
              !name.ends_with('_'),
          "a server's letters");
  require(server.cwd.empty() || server.cwd.starts_with('/'), "a relative folder");
  require(server.stop.eof.count() >= 0 && server.call_timeout.count() > 0, "a span of time");
  require(server.restart.backoff_min <= server.restart.backoff_max, "a range that is turned round");
  require(server.max_instances > 0 && server.limits.memory.value_or(1) > 0, "a limit");
  require((server.sharing == Sharing::key) == !server.sharing_key.empty(), "a key to share by");
}

void check(const Job& job, std::string_view name) {
  require(job.name == name && !name.empty() && name.size() <= 64, "a job's name");
  require(job.steps.empty() || job.command.empty(), "a job of two kinds");
  for (const Step& step : job.steps) {
    const auto arguments = nlohmann::json::parse(step.arguments, nullptr, false);
    require(arguments.is_object(), "arguments that are no JSON object");
  }
}

void check_interpolation(std::string_view text) {
  const Interpolated kept = interpolate(text, environment, true);
  const RunValues values{"digest", "7", "2026-11-23T07:00:00Z"};
  const std::string expanded = expand_run_variables(kept.text, values);
  require(has_run_variables(kept.text) || expanded == kept.text, "what no run variable is in was changed");
  (void)expand_run_variables(text, values);
  require(is_clean(kept.fault), "a fault that is not one clean line");
  if (!text.contains('$')) require(kept.text == text && kept.fault.empty(), "plain text was changed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = text;
  const Loaded loaded = load_text(text, "/c.yaml", environment, check_schedule);
  const int lines = 2 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  for (const Problem& problem : loaded.problems) check(problem, lines);
  require(std::is_sorted(loaded.problems.begin(), loaded.problems.end(),
                         [](const Problem& a, const Problem& b) {
                           return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                         }),
          "problems out of order");
  require(!loaded.blocks_start() || loaded.has_errors(), "blocked by no error");
  if (!loaded.blocks_start()) {
    for (const auto& [name, server] : loaded.config.servers) check(server, name);
    for (const auto& [name, job] : loaded.config.jobs) check(job, name);
    require(!loaded.config.listen.empty() && loaded.config.drain.count() >= 0, "the gateway's own values");
  }
  check_interpolation(text);
  return 0;
}
