// Which limits hold on this machine, and by what. Found once at the start.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "custody/limits.h"

namespace holdfast::custody {

// How each limit holds here. What is no tree's, by the kernel's hand, is said to be less.
struct Enforcement {
  bool memory = false, pids = false, cpu = false;  // by a controller of each tree's leaf
  std::string why_not = "no leaf";                 // where one of them is missing

  enum class Way { tree, process, none };  // the tree as a whole, each process for itself, not at all
  struct Row {
    std::string_view name;  // as in `limits`
    Way way;
    std::string why_not;                      // where it is none
    [[nodiscard]] std::string words() const;  // "cgroup", "rlimit per process", "not enforced: why"
  };
  [[nodiscard]] std::array<Row, 4> rows() const;
  [[nodiscard]] std::vector<Row> rows_for(const Limits& wanted) const;  // of those that are wanted

  // What a leaf is held to, and what each process for itself.
  [[nodiscard]] Limits of_leaf(const Limits& wanted) const;
  [[nodiscard]] Limits of_process(const Limits& wanted) const;
};

}  // namespace holdfast::custody
