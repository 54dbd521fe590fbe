// Where things are: configuration, state, control socket, keeper. The one place that knows the order in which
// options and environment count (docs/holdfast.1, "Files").
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::daemon {

// As given on the command line; empty: not given.
struct PathOptions {
  std::string config, state_dir, socket;
};
struct Paths {
  std::filesystem::path config;     // empty: none given and none found
  std::filesystem::path state_dir;  // absolute; may not exist yet
  std::filesystem::path socket;     // absolute
  std::filesystem::path keeper;     // beside this program, else installed, else $HOLDFAST_KEEPER
};

using Environment = std::function<std::optional<std::string>(std::string_view variable)>;
Environment process_environment();  // an empty variable counts as unset

// Errc::invalid: nothing says where the state is (no --state-dir, no HOME).
Result<Paths> resolve_paths(const PathOptions& options,
                            const Environment& environment = process_environment());

// The keeper's program: beside this one, else installed, else $HOLDFAST_KEEPER.
std::filesystem::path keeper_path(const Environment& environment = process_environment());

// The control socket alone, for commands that only talk to the gateway: the state directory matters only
// where nothing before it says where the socket is. Errc::limit: no socket can have a path so long.
Result<std::filesystem::path> resolve_socket(const PathOptions& options,
                                             const Environment& environment = process_environment());

}  // namespace holdfast::daemon
