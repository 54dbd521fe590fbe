// `holdfast`, as people call it. `run` is done here, in a program as small and static as the keeper: what it
// costs to start a command in custody is then two forks, and not the loading of a gateway. All other verbs
// are holdfast-gateway's, which this process becomes.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "custody/face.h"
#include "os/process.h"

namespace {

using namespace holdfast;

// Where `run` stands, if it is the verb; global options may stand before it. 0: another verb, or none, or a
// word that the gateway's program has to answer for (--help, or one that nobody knows).
int find_run(int argc, char** argv) {
  static constexpr std::array<std::string_view, 3> kWithValue{"--config", "--state-dir", "--socket"};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "run") return i;
    if (std::ranges::find(kWithValue, word) != kWithValue.end())
      ++i;
    else if (word != "--json" &&
             std::ranges::find(kWithValue, word.substr(0, word.find('='))) == kWithValue.end())
      return 0;
  }
  return 0;
}

// It stands beside this program, or where it is installed. Comes back only if it cannot be executed.
int become_gateway(char** argv) {
  Error error{};
  auto beside = os::own_program_folder();
  if (beside) error = os::replace_program(beside->append("/holdfast-gateway").c_str(), argv, environ);
  if (!beside || error.is_errno(ENOENT))
    error = os::replace_program("/usr/libexec/holdfast/holdfast-gateway", argv, environ);
  FixedString<600> line("holdfast: the gateway's program cannot be started: ");
  line.append(custody::describe(error).view()).append("\n");
  (void)!::write(STDERR_FILENO, line.view().data(), line.view().size());
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  const int at = find_run(argc, argv);
  if (at == 0) return become_gateway(argv);
  argv[at - 1] = argv[0];  // global options say nothing to it
  return custody::show_face(argc - at + 1, argv + at - 1, environ);
}
