// `resolve: auto`: an npx or uvx entry is run without its launcher, which costs a second, two processes and
// some 90 MB for as long as the server runs, where what it would start can be told from files alone: a pinned
// version that is installed, by options that are understood. Whatever is not certain is run as written.
#pragma once

#include <string>
#include <string_view>

#include "custody/types.h"

namespace holdfast::gateway {

struct Launch {
  custody::Command command;
  bool direct = false;
  std::string how;  // the program that stands for the launcher, or why the command is left as it was written
};

// "npx" or "uvx", or a path that ends so.
bool is_launcher(std::string_view program);

// What to run in place of a launcher's command. Looks at files, and starts and asks nobody; waits for their
// disk.
Launch resolve(custody::Command written);

}  // namespace holdfast::gateway
