// How many requests a second one client may send.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "gateway/principal.h"

namespace holdfast::front {

// A bucket for each principal that holds as many requests as two seconds bring. Loop thread only.
class RateLimit {
 public:
  explicit RateLimit(int per_second) : per_second_(per_second) {}  // 0: no limit

  // nullopt: one more of `who` may come, and has been counted. Else how long it takes until one may.
  std::optional<std::chrono::milliseconds> refuse(const gateway::PrincipalPtr& who,
                                                  std::chrono::steady_clock::time_point now);

  [[nodiscard]] int per_second() const { return per_second_; }

 private:
  struct Bucket {
    std::weak_ptr<const gateway::Principal> who;
    double requests = 0;
    std::chrono::steady_clock::time_point filled;
  };
  void forget_the_gone();

  int per_second_;
  std::map<const gateway::Principal*, Bucket> buckets_;
};

}  // namespace holdfast::front
