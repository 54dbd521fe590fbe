// The words of custody (docs/architecture.md), as types. No heap-free rule here: the keeper does not include
// it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "base/wall_clock.h"
#include "custody/limits.h"

namespace holdfast::custody {

// Graces of the stop ladder: after stdin was closed, after SIGTERM, and (`lost`) after SIGTERM when the
// gateway died.
struct Graces {
  milliseconds eof{2000};
  milliseconds term{3000};
  milliseconds lost{1000};
};

// What to run. `program` may be a bare name: the tree's keeper looks it up in the PATH of `environment`.
struct Command {
  std::string program;
  std::vector<std::string> arguments;    // without argv[0]
  std::vector<std::string> environment;  // complete, "NAME=value"; custody adds HOLDFAST_TREE
  std::string cwd;                       // absolute; empty: "/"
  bool reads_nothing = false;            // stdin is /dev/null, and Tree::stdin_fd() -1
};

struct TreeSpec {
  std::string name;  // for people and logs: the server's name, or job/run
  Command command;
  Graces graces;
  bool pidns = false;  // in a PID namespace of its own; start() refuses where that cannot be had
  Limits limits = {};  // each as far as RungReport::limits says that it holds
};

enum class TreeState { starting, active, orphaned, stopping, unkillable, gone };
std::string_view to_string(TreeState state);

// This machine ran out of something (descriptors, memory, disk): no fault of the server's, and it may pass.
bool is_shortage(const Error& error);

// pidns is never found, only asked for: it comes on top of what else the machine offers.
enum class Rung { tree, leaf, pidns };
std::string_view to_string(Rung rung);

// How a process ended. Exactly one of exit code and signal.
struct ExitStatus {
  int code = 0;
  int signal = 0;  // 0: exited with `code`
  [[nodiscard]] bool success() const { return signal == 0 && code == 0; }
};
std::string to_string(ExitStatus status);  // "exit 1", "SIGKILL"

// What is known of a tree once it is proven gone.
struct Ending {
  std::string reason;                // why it was stopped, in words
  std::optional<ExitStatus> leader;  // nullopt: the status was lost with a killed keeper
  bool polite = false;               // ended by end-of-file alone
  int terminated = 0;                // members that got SIGTERM
  int killed = 0;                    // members that got SIGKILL
  milliseconds took{0};              // from the start of the ladder to the proof of emptiness
};

}  // namespace holdfast::custody
