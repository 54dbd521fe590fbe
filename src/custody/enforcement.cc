#include "custody/enforcement.h"

#include <map>

namespace holdfast::custody {

namespace {

const std::map<std::string_view, std::uint64_t Limits::*> kValues{
    {"memory", &Limits::memory}, {"pids", &Limits::pids}, {"cpu", &Limits::cpu}, {"files", &Limits::files}};

}  // namespace

std::string Enforcement::Row::words() const {
  switch (way) {
    case Way::tree:
      return "cgroup";
    case Way::process:
      return "rlimit per process";
    case Way::none:
      break;
  }
  return "not enforced: " + why_not;
}

std::array<Enforcement::Row, 4> Enforcement::rows() const {
  const auto row = [this](std::string_view name, bool by_tree, Way otherwise) {
    const Way way = by_tree ? Way::tree : otherwise;
    return Row{name, way, way == Way::none ? why_not : ""};
  };
  return {row("memory", memory, Way::process), row("pids", pids, Way::none), row("cpu", cpu, Way::none),
          row("files", false, Way::process)};
}

Limits Enforcement::of_leaf(const Limits& wanted) const {
  return {.memory = memory ? wanted.memory : 0,
          .pids = pids ? wanted.pids : 0,
          .cpu = cpu ? wanted.cpu : 0,
          .files = 0};
}

// RLIMIT_NPROC counts all that the user runs: it would refuse a sibling what a hog has taken.
Limits Enforcement::of_process(const Limits& wanted) const {
  return {.memory = memory ? 0 : wanted.memory, .pids = 0, .cpu = 0, .files = wanted.files};
}

std::vector<Enforcement::Row> Enforcement::rows_for(const Limits& wanted) const {
  std::vector<Row> chosen;
  for (auto& row : rows())
    if (wanted.*kValues.at(row.name) != 0) chosen.push_back(std::move(row));
  return chosen;
}

}  // namespace holdfast::custody
