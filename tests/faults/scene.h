// What is played, and how it is judged.
#pragma once

#include <string>
#include <vector>

#include "stage.h"

namespace holdfast::faults {

// "life": open, start three trees, stop one, orphan and sweep another, fail to start a fourth, shut down, the
// first being held throughout. "recovery": gateway and keepers were killed in one stroke; the next gateway
// opens, recovers, goes on.
bool known_scene(const std::string& name);

struct Verdict {
  std::vector<std::string> wrong;     // empty: as it has to be
  std::chrono::milliseconds took{0};  // the longest wait for a death
};

Verdict play(const std::string& scene, Stage& stage, const Plan& plan);

}  // namespace holdfast::faults
