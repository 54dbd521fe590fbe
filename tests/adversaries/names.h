// Every hostile server that is put against everything; built by CMakeLists.txt beside it.
#pragma once

#include <array>
#include <string>

namespace holdfast::test {

inline const std::array<std::string, 20> kAdversaries{
    "polite",      "deaf",    "daemonize", "detached",    "leaderless", "chain",    "bomb",
    "stopper",     "regroup", "vforker",   "pipe_holder", "handover",   "reparent", "cloner",
    "late_forker", "renamed", "mover",     "nester",      "freezer",    "tracer"};

}  // namespace holdfast::test
