// What this machine offers to custody, what follows from it for every event, and what would raise it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "custody/custodian.h"

namespace holdfast::custody {

struct Finding {
  std::string name;
  bool there = false;
  std::string detail;
  std::string raise = {};  // what would give it: the command, if one could; empty: it is there
};

// Where a gateway would stand.
struct Surroundings {
  bool booted_by_systemd = false;  // sd_booted(3)
  bool service = false;            // see runs_a_unit
  bool root = false;
};
Surroundings look_around();

// This process is what systemd (248) started for a unit: it ends what is left of the unit when that process
// ends. False also where its environment is not ours to read.
bool runs_a_unit(pid_t pid);

struct Survey {
  RungReport rungs;
  std::vector<Finding> findings;
};
// Does what a gateway does at its start, once, below the cgroup of this process, and leaves nothing. Blocks
// for some ms.
Survey survey(const std::filesystem::path& keeper, const Surroundings& around);

struct Guarantee {
  std::string event;
  std::string servers;   // what becomes of servers on this rung
  std::string in_pidns;  // and of those in a PID namespace of their own
};
// In one sentence for each event, in the words of docs/guarantees.md. `rung`: tree or leaf.
std::vector<Guarantee> guarantees(Rung rung, bool service);
// What the kernel does for us on this rung, and the one case in which that is not enough.
std::string guarantee_in_short(Rung rung, bool service);

}  // namespace holdfast::custody
