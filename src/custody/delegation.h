// Handing controllers down to where the leaves are, and taking them back.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "custody/enforcement.h"

namespace holdfast::custody {

// What it took to hand controllers down to the leaves. Takes it back when destroyed.
class Delegation {
 public:
  Delegation() = default;
  Delegation(Delegation&& other) noexcept { swap(other); }
  Delegation& operator=(Delegation other) noexcept {
    swap(other);
    return *this;
  }
  ~Delegation() { take_back(); }

  // From `own` cgroup, in which this process lives, to the cgroups below `parent`, which is below `own`. As
  // no processes may live beside cgroups that have controllers, this process first moves into a cgroup of its
  // own beside `parent`, unless it lives in the hierarchy's root. Where others live in `own` nothing is
  // changed.
  Enforcement hand_down(const std::string& own, const std::string& parent);
  // Nothing of what was handed down is in use any more.
  void take_back();
  // It is in use: it stays as it is.
  void leave();

 private:
  void swap(Delegation& other) noexcept {
    given_.swap(other.given_);
    left_.swap(other.left_);
    room_.swap(other.room_);
  }
  Result<void> make_room(const std::string& own, const std::string& parent);
  Result<void> hand_down(const std::string& own, const std::string& parent, const std::string& name);

  std::vector<std::pair<std::string, std::string>> given_;  // by which cgroup, which
  std::string left_, room_;                                 // where this process was, and is
};

// Once more to those below `parent`, which somebody removed and which was made again.
void hand_on(const std::string& parent);

}  // namespace holdfast::custody
