// Who asks: whose rights a request has, and whose its sessions are.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/wall_clock.h"
#include "gateway/rights.h"

namespace holdfast::gateway {

// One object each, so that two requests are of one principal if they have the same.
struct Principal {
  std::string name;
  bool by_token = false;
  std::string token{};  // its id; empty: by none
  Rights rights{};
  std::optional<SystemTime> expires{};
  bool revoked = false;

  [[nodiscard]] bool is_over(SystemTime now) const { return revoked || (expires && *expires <= now); }
};
using PrincipalPtr = std::shared_ptr<const Principal>;

// Whoever may come without a token.
inline const PrincipalPtr& anonymous() {
  static const PrincipalPtr all = std::make_shared<const Principal>(Principal{.name = "anonymous"});
  return all;
}
// Whoever may open the control socket.
inline const PrincipalPtr& owner() {
  static const PrincipalPtr one = std::make_shared<const Principal>(Principal{.name = "owner"});
  return one;
}

}  // namespace holdfast::gateway
