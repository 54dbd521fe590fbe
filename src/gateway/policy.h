// When a server that failed may be started again. Pure: the caller brings the time.
#pragma once

#include <chrono>
#include <deque>

#include "config/config.h"

namespace holdfast::gateway {

using SteadyTime = std::chrono::steady_clock::time_point;

// Counts failures to start or to serve within the policy's window. The first costs nothing, later ones an
// exponential backoff, and more than `budget` of them park the server until the window has passed without
// another.
class RestartBudget {
 public:
  explicit RestartBudget(config::RestartPolicy policy) : policy_(policy) {}

  void failed(SteadyTime now);

  enum class Verdict { go, backoff, parked };
  struct Answer {
    Verdict verdict = Verdict::go;
    SteadyTime until{};  // backoff, parked: when the next start may be tried
  };
  [[nodiscard]] Answer ask(SteadyTime now) const;
  [[nodiscard]] int failures(SteadyTime now) const;

 private:
  config::RestartPolicy policy_;
  std::deque<SteadyTime> failures_;  // within the window, oldest first; never more than budget + 1
};

}  // namespace holdfast::gateway
