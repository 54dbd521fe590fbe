// holdfast-gateway: every verb of `holdfast` but `run`. People call it by that name, and apps/holdfast hands
// over to it.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "cli/cli.h"
#include "os/process.h"

int main(int argc, char** argv) {
  // A caller may have closed some: what is opened later must never stand where messages are written.
  if (!holdfast::os::fill_standard_descriptors()) return EXIT_FAILURE;
  const char* no_colour = std::getenv("NO_COLOR");
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
  return holdfast::cli::run({argv + 1, argv + argc}, {.out = std::cout, .err = std::cerr, .colour = colour});
}
