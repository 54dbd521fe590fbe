#include "guards.h"

#include <filesystem>
#include <string_view>

#include "bench.h"
#include "os/process.h"
#include "program.h"

namespace holdfast::bench {
namespace {

constexpr std::chrono::milliseconds kLimit{10'000};

// Empty: it is in none of these places.
std::string found(const std::string& program) {
  if (program.starts_with('/')) return program;
  for (const std::string place : {"/usr/bin/", "/usr/local/bin/", "/bin/"})
    if (os::is_executable((place + program).c_str())) return place + program;
  return {};
}

}  // namespace

Words keeper_run(Words options) {
  Words guard{HOLDFAST_KEEPER_PROGRAM, "run"};
  guard.insert(guard.end(), options.begin(), options.end());
  guard.emplace_back("--");
  return guard;
}

Words bwrap() { return {"bwrap", "--unshare-pid", "--die-with-parent", "--dev-bind", "/", "/", "--"}; }

Words followed_by(Words guard, const Words& command) {
  guard.insert(guard.end(), command.begin(), command.end());
  return guard;
}

std::optional<Words> usable(Words guard) {
  const auto path = found(guard.front());
  if (path.empty()) {
    say("    " + guard.front() + " is not installed: left out");
    return std::nullopt;
  }
  guard.front() = path;
  const auto tried =
      test::run_program(path, followed_by({guard.begin() + 1, guard.end()}, {"/bin/true"}), kLimit);
  if (tried.exit.code == 0) return guard;
  std::string name;
  for (const auto& word : guard) name += word + " ";
  say("    " + name + "does not work here: left out; it says: " + tried.err);
  return std::nullopt;
}

}  // namespace holdfast::bench
