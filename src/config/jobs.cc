// Reader's part for jobs.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/interpolate.h"
#include "config/reader.h"
#include "config/tool_name.h"

namespace holdfast::config {

void Reader::read_jobs(const Node& map, const std::string& path) {
  if (!map.is_map())
    return error(map, path, fmt::format("found {}; expected a mapping of names to jobs", found(map)));
  for (const auto& [key, value] : map.entries) read_job(*key, *value, path_of(path, key->text));
}

void Reader::read_default_zone(const Node& root) {
  const Node* scheduler = given(Section::top, root, "scheduler");
  if (scheduler == nullptr || !scheduler->is_map()) return;
  const Node* zone = given(Section::scheduler, *scheduler, "timezone");
  if (zone == nullptr || !zone->is_scalar()) return;  // which its row will say
  Job job;
  job.default_timezone = zone->text;
  const auto fault = check_schedule_ ? check_schedule_("@daily", job) : std::nullopt;
  if (fault) return error(*zone, "scheduler.timezone", clipped(fault->message, 500));
  default_zone_ = zone->text;
}

void Reader::read_job(const Node& key, const Node& node, const std::string& path) {
  const bool good_name =
      !key.text.empty() && key.text.size() <= 64 && std::ranges::all_of(key.text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_' || c == '.';
      });
  if (!good_name)
    error(key, path,
          fmt::format("found the name {}; expected 1 to 64 letters, digits, `-`, `_` and `.`", found(key)));
  if (!node.is_map())
    return error(
        node.is_null() ? key : node, path,
        fmt::format("found {}; expected a mapping with `schedule` and `steps` or `command`", found(node)));
  Job job;
  job.name = key.text;
  job.default_timezone = default_zone_;
  const std::size_t first = problems_.size();
  schedules_.clear();
  unusable_ = &job.unusable;
  in_job_ = true;
  read_section(Section::job, node, path, Target{&config_, nullptr, &job, nullptr});
  in_job_ = false;
  unusable_ = nullptr;

  const auto has = [&](std::string_view option) { return given(Section::job, node, option) != nullptr; };
  if (!has("schedule")) error(key, path, "has no `schedule`; it says when the job runs, such as every 30m");
  const bool steps = has("steps"), command = has("command");
  if (steps && command) error(key, path, "has both `steps` and `command`; keep one");
  if (!steps && !command)
    error(key, path, "has neither `steps` nor `command`; one of them says what the job does");
  check_schedules(job, node, path);
  check_tools(node, job, path);
  if (job.enabled && job.unusable.empty() && (job.overlap == "queue" || job.overlap == "replace")) {
    job.unusable = "overlap: " + job.overlap + " is not served by this version; use skip or parallel";
    error(key, path, job.unusable + "; it does not run", false);
  }
  if (!has_run_variables(job.cwd))
    check_directory(job.cwd, job.unusable, given(Section::job, node, "cwd"), node, path, job.enabled);
  if (job.enabled && job.unusable.empty() && !job.command.empty() && !has_run_variables(job.command.front()))
    check_program(job.command.front(), job.env, *given(Section::job, node, "command"), path);
  finish_entry(first, job.enabled);
  if (good_name) config_.jobs.emplace(key.text, std::move(job));
}

void Reader::check_schedules(const Job& job, const Node& node, const std::string& path) {
  if (!check_schedule_) return;
  for (const Schedule& schedule : schedules_) {
    const auto fault = check_schedule_(schedule.node->text, job);
    if (!fault) continue;
    // No column: the expression is right and the zone is not, which one report tells.
    if (const Node* zone = given(Section::job, node, "timezone"); zone != nullptr && fault->column == 0)
      return error(*zone, path_of(path, "timezone"), clipped(fault->message, 500));
    Problem problem{Problem::Severity::error, schedule.node->line, schedule.node->column, schedule.path,
                    clipped(fault->message, 500)};
    if (fault->column > 0 && schedule.node->inline_text)
      problem.column = schedule.node->text_column + fault->column - 1;
    report(std::move(problem));
  }
}

// A step may name its server as the file does, although it is called otherwise here.
std::string Reader::with_server_renamed(std::string tool) const {
  constexpr std::size_t kLongestWritten = 200;
  for (auto bar = tool.find(kToolSeparator); bar < kLongestWritten; bar = tool.find(kToolSeparator, bar + 1))
    if (const auto known = renamed_.find(tool.substr(0, bar)); known != renamed_.end())
      return known->second + tool.substr(bar);
  return tool;
}

void Reader::read_steps(const Option& row, const Node& list, const std::string& path, Target& target) {
  if (!list.is_list() || list.items.empty())
    return error(list, path,
                 fmt::format("found {}; expected {}", list.is_list() ? "an empty list" : found(list),
                             expectation(row)));
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const Node& item = *list.items[i];
    const std::string here = fmt::format("{}[{}]", path, i);
    Step step;
    step.arguments = "{}";
    Target inner{target.config, target.server, target.job, &step};
    if (item.is_scalar())
      step.tool = item.text;
    else if (!read_section(row.nested, item, here, inner))
      continue;
    if (step.tool.empty() && item.is_map() && item.find("tool") == nullptr)
      error(item, here, "has no `tool`");
    if (!step.tool.empty() && !split_tool_name(step.tool)) {
      const Node* at = item.find("tool");
      error(at != nullptr ? *at : item, path_of(here, "tool"),
            fmt::format("found \"{}\"; expected a name such as server__tool", clipped(step.tool, 60)));
    }
    step.tool = with_server_renamed(std::move(step.tool));
    target.job->steps.push_back(std::move(step));
  }
}

// A missing server is no error: the run fails with that reason, and the file says so beforehand.
void Reader::check_tools(const Node& node, const Job& job, const std::string& path) {
  const Node* list = node.find("steps");
  if (list == nullptr || list->items.size() != job.steps.size()) return;
  for (std::size_t i = 0; i < job.steps.size(); ++i) {
    const auto name = split_tool_name(job.steps[i].tool);
    if (!name) continue;
    const std::string server(name->server);
    const Node& item = *list->items[i];
    const Node* at = item.is_map() ? item.find("tool") : &item;
    const std::string here = fmt::format("{}.steps[{}].tool", path, i);
    const auto known = config_.servers.find(server);
    if (known == config_.servers.end())
      warn(at != nullptr ? *at : item, here,
           fmt::format("no server is called \"{}\"; every run will fail", server));
    else if (!known->second.enabled)
      warn(at != nullptr ? *at : item, here,
           fmt::format("the server \"{}\" is not enabled; every run will fail", server));
  }
}

}  // namespace holdfast::config
