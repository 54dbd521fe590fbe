#include "front/rate_limit.h"

#include <algorithm>
#include <cmath>

#include "base/mutant.h"

namespace holdfast::front {
namespace {

constexpr double kBurst = 2;               // seconds' worth
constexpr std::size_t kWorthALook = 1024;  // buckets

}  // namespace

std::optional<std::chrono::milliseconds> RateLimit::refuse(const gateway::PrincipalPtr& who,
                                                           std::chrono::steady_clock::time_point now) {
  if (per_second_ == 0 || kSwitchedOff == Mechanism::request_rate) return std::nullopt;
  if (buckets_.size() >= kWorthALook) forget_the_gone();
  const double rate = per_second_, most = rate * kBurst;
  Bucket& bucket = buckets_[who.get()];
  if (bucket.who.lock() != who) bucket = {.who = who, .requests = most, .filled = now};
  const double passed = std::chrono::duration<double>(now - bucket.filled).count();
  bucket.requests = std::min(most, bucket.requests + passed * rate);
  bucket.filled = now;
  if (bucket.requests >= 1) {
    bucket.requests -= 1;
    return std::nullopt;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil((1 - bucket.requests) / rate * 1000)));
}

void RateLimit::forget_the_gone() {
  std::erase_if(buckets_, [](const auto& entry) { return entry.second.who.expired(); });
}

}  // namespace holdfast::front
