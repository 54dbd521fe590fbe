#include "daemon/paths.h"

#include <cstdlib>

#include "base/address.h"
#include "config/load.h"

namespace holdfast::daemon {

namespace fs = std::filesystem;

namespace {

// systemd joins several directories with colons; ours is the first.
std::string first_of(const std::string& list) { return list.substr(0, list.find(':')); }

Result<fs::path> state_dir(const PathOptions& options, const Environment& environment) {
  if (!options.state_dir.empty()) return options.state_dir;
  if (const auto given = environment("STATE_DIRECTORY")) return first_of(*given);
  if (const auto xdg = environment("XDG_STATE_HOME")) return fs::path(*xdg) / "holdfast";
  if (const auto home = environment("HOME")) return fs::path(*home) / ".local/state/holdfast";
  return fail(Errc::invalid, "", "there is no place for the state: give --state-dir, HOME or XDG_STATE_HOME");
}

Result<fs::path> made_absolute(const fs::path& path) {
  std::error_code failed;
  fs::path out = fs::absolute(path, failed).lexically_normal();
  if (failed) return std::unexpected(Error{failed, "working directory", {}});
  return out;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view variable) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(variable).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

fs::path keeper_path(const Environment& environment) {
  static constexpr const char* kName = "holdfast-keeper";
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path beside = self.parent_path() / kName;
  if (fs::exists(beside, ignored)) return beside;
  if (const fs::path installed = fs::path("/usr/libexec/holdfast") / kName; fs::exists(installed, ignored)) {
    return installed;
  }
  if (const auto given = environment("HOLDFAST_KEEPER")) return *given;
  return beside;
}

Result<fs::path> resolve_socket(const PathOptions& options, const Environment& environment) {
  static constexpr const char* kName = "holdfast.sock";
  fs::path socket;
  if (!options.socket.empty()) {
    socket = options.socket;
  } else if (const auto given = environment("HOLDFAST_SOCKET")) {
    socket = *given;
  } else if (!options.state_dir.empty()) {
    socket = fs::path(options.state_dir) / kName;
  } else if (const auto runtime = environment("RUNTIME_DIRECTORY")) {
    socket = fs::path(first_of(*runtime)) / kName;
  } else if (const auto xdg = environment("XDG_RUNTIME_DIR")) {
    socket = fs::path(*xdg) / kName;
  } else {
    auto state = state_dir(options, environment);
    if (!state) return forward(state);
    socket = *state / kName;
  }
  auto absolute = made_absolute(socket);
  if (absolute && absolute->native().size() > kLongestSocketPath)
    return fail(Errc::limit, "",
                "the path of a socket has at most 107 bytes, give another --socket: " + absolute->native());
  return absolute;
}

Result<Paths> resolve_paths(const PathOptions& options, const Environment& environment) {
  auto given = state_dir(options, environment);
  if (!given) return forward(given);
  auto state = made_absolute(*given);
  if (!state) return forward(state);
  auto socket = resolve_socket(options, environment);
  if (!socket) return forward(socket);
  return Paths{.config = config::find_config_file(options.config, environment),
               .state_dir = std::move(*state),
               .socket = std::move(*socket),
               .keeper = keeper_path(environment)};
}

}  // namespace holdfast::daemon
