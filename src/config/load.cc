#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "config/document.h"
#include "config/reader.h"
#include "os/regular_file.h"

namespace holdfast::config {
namespace {

Loaded unreadable(const std::filesystem::path& file, std::string message) {
  Loaded loaded;
  loaded.config.file = file.string();
  loaded.problems.push_back({Problem::Severity::error, 0, 0, {}, std::move(message)});
  return loaded;
}

std::string why_unreadable(const Error& error) {
  if (error.is(Errc::invalid)) return fmt::format("is {}; expected a regular file", error.subject.view());
  if (error.is_errno(ENOENT) || error.is_errno(ENOTDIR))
    return "there is no such file; --config or HOLDFAST_CONFIG names another";
  if (error.is_errno(EACCES)) return "cannot be opened for reading; look at its permissions";
  return fmt::format("cannot be read: {}", error.code.message());
}

std::filesystem::path absolute_path(const std::filesystem::path& file) {
  std::error_code ec;
  auto out = std::filesystem::absolute(file, ec);
  return ec ? file : out.lexically_normal();
}

// Where a configuration is looked for that nobody named.
std::vector<std::filesystem::path> places(const Lookup& environment) {
  std::vector<std::filesystem::path> out;
  const std::string xdg = environment("XDG_CONFIG_HOME").value_or(""),
                    home = environment("HOME").value_or("");
  if (xdg.starts_with('/'))
    out.push_back(std::filesystem::path(xdg) / "holdfast/config.yaml");
  else if (!home.empty())
    out.push_back(std::filesystem::path(home) / ".config/holdfast/config.yaml");
  out.emplace_back("/etc/holdfast/config.yaml");
  return out;
}

// An insertion of each behind its equals: libstdc++ 12's stable_sort leans on a function that C++20 took
// away.
void in_file_order(std::vector<Problem>& problems) {
  std::multimap<std::pair<int, int>, Problem> sorted;
  for (Problem& p : problems) sorted.emplace(std::pair(p.line, p.column), std::move(p));
  problems.clear();
  for (auto& [place, p] : sorted) problems.push_back(std::move(p));
}

}  // namespace

std::string format(const Problem& problem, std::string_view file) {
  std::string out(file);
  if (problem.line > 0) out += fmt::format(":{}:{}", problem.line, problem.column);
  out += problem.severity == Problem::Severity::error ? ": error: " : ": warning: ";
  if (!problem.path.empty()) out += problem.path + ": ";
  return out + problem.message;
}

bool Loaded::has_errors() const {
  return std::ranges::any_of(problems,
                             [](const Problem& p) { return p.severity == Problem::Severity::error; });
}

bool Loaded::blocks_start() const {
  return std::ranges::any_of(
      problems, [](const Problem& p) { return p.severity == Problem::Severity::error && p.blocks_start; });
}

Loaded load_text(std::string_view text, const std::filesystem::path& file, const Lookup& environment,
                 const ScheduleCheck& check_schedule, const CommandCheck& check_command) {
  Loaded loaded;
  const auto path = absolute_path(file);
  loaded.config.file = path.string();
  Document document = parse_document(text);
  loaded.problems = std::move(document.problems);
  Reader(loaded.config, loaded.problems, environment, check_schedule, check_command, path.parent_path())
      .read_file(*document.root);
  in_file_order(loaded.problems);
  return loaded;
}

Loaded load_file(const std::filesystem::path& file, const Lookup& environment,
                 const ScheduleCheck& check_schedule, const CommandCheck& check_command) {
  std::string text(kLargestFile + 1, '\0');
  const auto size = os::read_regular_file(file.c_str(), text);
  if (!size) return unreadable(file, why_unreadable(size.error()));
  text.resize(*size);
  if (text.size() > kLargestFile)
    return unreadable(file, "is larger than 4 MiB, more than a configuration may have");
  return load_text(text, file, environment, check_schedule, check_command);
}

std::filesystem::path find_config_file(std::string_view option, const Lookup& environment) {
  if (!option.empty()) return option;
  if (const auto named = environment("HOLDFAST_CONFIG").value_or(""); !named.empty()) return named;
  for (const auto& place : places(environment)) {
    std::error_code ec;
    if (std::filesystem::exists(place, ec)) return place;
  }
  return {};
}

std::string none_found(const Lookup& environment) {
  std::string looked;
  for (const auto& place : places(environment)) looked += (looked.empty() ? "" : " and ") + place.string();
  return "no configuration: looked for " + looked + "; --config or HOLDFAST_CONFIG names another";
}

}  // namespace holdfast::config
