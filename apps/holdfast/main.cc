#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <vector>

#include "cli/cli.h"
#include "daemon/paths.h"
#include "os/process.h"

namespace {

// Where `run` stands, if it is the verb; global options may stand before it.
int find_run(int argc, char** argv) {
  static constexpr std::array<std::string_view, 3> kWithValue{"--config", "--state-dir", "--socket"};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "run") return i;
    if (std::ranges::find(kWithValue, word) != kWithValue.end())
      ++i;
    else if (!word.starts_with("--"))
      return 0;
  }
  return 0;
}

// `holdfast run` is the keeper's program under its other name: small, static, and without what this one
// brings along. Comes back only with an exit status: it could not be executed.
int become_face(int at, char** argv) {
  const std::string keeper = holdfast::daemon::keeper_path().native();
  std::vector<char*> words{argv[0]};
  for (char** word = argv + at; *word != nullptr; ++word) words.push_back(*word);
  words.push_back(nullptr);
  const auto error = holdfast::os::replace_program(keeper.c_str(), words.data(), environ);
  std::cerr << "holdfast run: " << error.message() << '\n';
  return 125;
}

}  // namespace

int main(int argc, char** argv) {
  if (const int at = find_run(argc, argv)) return become_face(at, argv);
  // A caller may have closed some: what is opened later must never stand where messages are written.
  if (!holdfast::os::fill_standard_descriptors()) return EXIT_FAILURE;
  const char* no_colour = std::getenv("NO_COLOR");
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
  return holdfast::cli::run({argv + 1, argv + argc}, {.out = std::cout, .err = std::cerr, .colour = colour});
}
