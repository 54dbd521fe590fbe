#include "daemon/check.h"

#include <cstdio>
#include <utility>

namespace holdfast::daemon {

namespace {

// Options that are read and checked and that nothing acts on yet: said aloud, since silence would be a
// promise.
void warn_of_what_has_no_effect(config::Loaded& loaded) {
  const auto warn_if = [&](bool asked_for, std::string path) {
    if (!asked_for) return;
    loaded.problems.push_back({.severity = config::Problem::Severity::warning,
                               .path = std::move(path),
                               .message = "has no effect in this version",
                               .blocks_start = false});
  };
  for (const auto& [name, server] : loaded.config.servers) {
    const std::string at = "mcpServers." + name + ".";
    warn_if(server.limits != config::Limits{}, at + "limits");
    warn_if(!server.tools_include.empty() || !server.tools_exclude.empty(), at + "tools");
    warn_if(server.serial, at + "concurrency");
    warn_if(server.max_lifetime.has_value(), at + "maxLifetime");
    warn_if(!server.trust_annotations, at + "trustAnnotations");
  }
  for (const auto& [name, job] : loaded.config.jobs) warn_if(!job.tools.empty(), "jobs." + name + ".tools");
  const config::Config defaults;
  warn_if(loaded.config.session_reconnect_grace != defaults.session_reconnect_grace,
          "sessions.reconnectGrace");
  warn_if(loaded.config.auth_anonymous != defaults.auth_anonymous, "auth.anonymous");
}

}  // namespace

config::Loaded load_checked(const std::filesystem::path& file) {
  auto loaded = config::load_file(file, process_environment(), check_schedule);
  warn_of_what_has_no_effect(loaded);
  return loaded;
}

bool is_clean(const config::Loaded& loaded) {
  if (loaded.has_errors()) return false;
  for (const auto& [name, server] : loaded.config.servers) {
    if (server.enabled && !server.unusable.empty()) return false;
  }
  return true;
}

std::optional<config::Config> load_for_serving(const ServeOptions& options) {
  const auto file = config::find_config_file(options.config, process_environment());
  if (file.empty()) {
    std::fprintf(stderr,
                 "holdfast: no configuration: give --config, or write ~/.config/holdfast/config.yaml\n");
    return std::nullopt;
  }
  auto loaded = load_checked(file);
  for (const auto& problem : loaded.problems) {
    std::fprintf(stderr, "%s\n", config::format(problem, file.string()).c_str());
  }
  if (loaded.blocks_start()) return std::nullopt;
  return std::move(loaded.config);
}

}  // namespace holdfast::daemon
