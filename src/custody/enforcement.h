// Which limits hold on this machine, and by what. Found, and made ready, once at the start.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "custody/limits.h"

namespace holdfast::custody {

// How each limit holds here. What is no tree's, by the kernel's hand, is said to be less.
struct Enforcement {
  bool memory = false, pids = false, cpu = false;  // by a controller of each tree's leaf
  std::string why_not = "no leaf";                 // where one of them is missing

  struct Row {
    std::string_view name;  // as in `limits`
    bool held;              // false: not at all
    std::string way;        // "cgroup", "rlimit per process", "not enforced: why"
  };
  [[nodiscard]] std::array<Row, 4> rows() const;
  [[nodiscard]] std::vector<Row> rows_for(const Limits& wanted) const;  // of those that are wanted

  // What a leaf is held to, and what each process for itself.
  [[nodiscard]] Limits of_leaf(const Limits& wanted) const;
  [[nodiscard]] Limits of_process(const Limits& wanted) const;
};

// What it took to hand controllers down to the leaves, so that it can be taken back.
class HandedDown {
 public:
  // From `own` cgroup, in which this process lives, to the cgroups below `parent`, which is below `own`. As
  // no processes may live beside cgroups that have controllers, this process first moves into a cgroup of its
  // own beside `parent`, unless it lives in the hierarchy's root. Where others live in `own` nothing is
  // changed.
  Enforcement hand_down(const std::string& own, const std::string& parent);
  // Nothing of what was handed down is in use any more, or it stays as it is.
  void take_back();

 private:
  Result<void> make_room(const std::string& own, const std::string& parent);
  Result<void> hand_down(const std::string& own, const std::string& parent, const std::string& name);

  std::vector<std::pair<std::string, std::string>> given_;  // by which cgroup, which
  std::string left_, room_;                                 // where this process was, and is
};

// Once more to those below `parent`, which somebody removed and which was made again.
void hand_on(const std::string& parent);

// Where a gateway lives, then, whose leaves lie below `parent`.
std::string room_of(const std::string& parent);

}  // namespace holdfast::custody
