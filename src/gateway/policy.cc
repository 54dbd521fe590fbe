#include "gateway/policy.h"

#include <algorithm>

namespace holdfast::gateway {

void RestartBudget::failed(SteadyTime now) {
  while (!failures_.empty() && failures_.front() + policy_.per <= now) failures_.pop_front();
  failures_.push_back(now);
  while (failures_.size() > static_cast<std::size_t>(policy_.budget) + 1) failures_.pop_front();
}

int RestartBudget::failures(SteadyTime now) const {
  return static_cast<int>(
      std::ranges::count_if(failures_, [&](SteadyTime at) { return at + policy_.per > now; }));
}

RestartBudget::Answer RestartBudget::ask(SteadyTime now) const {
  // Parked until the window is quiet, not until its first failure has grown old.
  if (failures_.size() > static_cast<std::size_t>(policy_.budget) && now < failures_.back() + policy_.per)
    return {Verdict::parked, failures_.back() + policy_.per};
  const int count = failures(now);
  if (count <= 1) return {};
  milliseconds wait = policy_.backoff_min;
  for (int i = 2; i < count && wait < policy_.backoff_max; ++i) wait *= 2;
  const SteadyTime until = failures_.back() + std::min(wait, policy_.backoff_max);
  if (until <= now) return {};
  return {Verdict::backoff, until};
}

}  // namespace holdfast::gateway
