// The command line: parse, ask the control API, print.
#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "base/duration.h"
#include "daemon/daemon.h"

namespace holdfast::cli {

// What a verb writes to and is told by its surroundings.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;
  milliseconds patience{5'000};  // for a gateway's first sign of life
  daemon::Environment environment = daemon::process_environment();
  std::istream& in = std::cin;
};

// One command; `arguments` without the program's name. The exit code.
int run(std::vector<std::string> arguments, Terminal terminal);

}  // namespace holdfast::cli
