// Programs that run a command under guard, Holdfast's and others.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace holdfast::bench {

using Words = std::vector<std::string>;

// `holdfast-keeper run` with these options.
Words keeper_run(Words options);
// The one peer that leaves nobody when it is killed: the kernel ends its PID namespace.
Words bwrap();
Words followed_by(Words guard, const Words& command);

// The guard, its program looked up where the distribution has it, if it runs a command here. Else says what
// is missing.
std::optional<Words> usable(Words guard);

}  // namespace holdfast::bench
