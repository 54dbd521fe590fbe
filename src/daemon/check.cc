#include "daemon/check.h"

#include <cstdio>
#include <utility>

#include "base/log.h"
#include "net/tls_door.h"

namespace holdfast::daemon {

void check_tls_files(config::Loaded& loaded) {
  const auto& [certificate, key] = loaded.config.tls;
  if (certificate.empty() || key.empty()) return;
  const auto good = net::check({.certificate = certificate, .key = key});
  if (good) return;
  loaded.problems.push_back({.severity = config::Problem::Severity::error,
                             .line = 0,
                             .column = 0,
                             .path = "tls",
                             .message = good.error().message(),
                             .blocks_start = true});
}

config::Loaded load_checked(const std::filesystem::path& file) {
  auto loaded = config::load_file(file, process_environment(), check_schedule);
  check_tls_files(loaded);
  return loaded;
}

bool is_clean(const config::Loaded& loaded) {
  if (loaded.has_errors()) return false;
  for (const auto& [name, server] : loaded.config.servers) {
    if (server.enabled && !server.unusable.empty()) return false;
  }
  return true;
}

std::vector<std::string> problem_lines(const config::Loaded& loaded, const std::filesystem::path& file) {
  std::vector<std::string> lines;
  lines.reserve(loaded.problems.size());
  for (const auto& problem : loaded.problems) lines.push_back(config::format(problem, file.string()));
  return lines;
}

void log_problems(const std::vector<std::string>& lines) {
  for (const auto& line : lines) log::warn("configuration.problem", {{"problem", line}});
}

std::optional<config::Config> load_for_serving(const ServeOptions& options) {
  const auto file = config::find_config_file(options.config, process_environment());
  if (file.empty()) {
    std::fprintf(stderr, "holdfast: %s\n", config::none_found(process_environment()).c_str());
    return std::nullopt;
  }
  auto loaded = load_checked(file);
  const auto lines = problem_lines(loaded, file);
  if (!loaded.blocks_start()) {
    log_problems(lines);
    return std::move(loaded.config);
  }
  for (const auto& line : lines) std::fprintf(stderr, "%s\n", line.c_str());
  std::fprintf(stderr, "holdfast: nothing was started: mend the errors above first\n");
  return std::nullopt;
}

}  // namespace holdfast::daemon
