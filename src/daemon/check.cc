#include "daemon/check.h"

#include <cstdio>
#include <utility>

namespace holdfast::daemon {

config::Loaded load_checked(const std::filesystem::path& file) {
  return config::load_file(file, process_environment(), check_schedule);
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

std::optional<config::Config> load_for_serving(const ServeOptions& options) {
  const auto file = config::find_config_file(options.config, process_environment());
  if (file.empty()) {
    std::fprintf(stderr,
                 "holdfast: no configuration: give --config, or write ~/.config/holdfast/config.yaml\n");
    return std::nullopt;
  }
  auto loaded = load_checked(file);
  for (const auto& line : problem_lines(loaded, file)) std::fprintf(stderr, "%s\n", line.c_str());
  if (loaded.blocks_start()) return std::nullopt;
  return std::move(loaded.config);
}

}  // namespace holdfast::daemon
