#include "config/document.h"
#include "custody/resolve.h"
#include "daemon/check.h"
#include "daemon/paths.h"

namespace holdfast::daemon {

std::string check_command(const std::string& program, const std::map<std::string, std::string>& environment) {
  const auto own = environment.find("PATH");
  std::string path =
      "PATH=" + (own != environment.end() ? own->second : process_environment()("PATH").value_or(""));
  char* const variables[] = {path.data(), nullptr};
  FixedString<1024> room;
  const auto found = custody::find_program(program.c_str(), variables, room);
  if (found) return {};
  const bool by_path = program.contains('/');
  const std::string name = config::clipped(program, 200);
  if (found.error().is_errno(ENOENT))
    return by_path ? "there is no file " + name : "found no " + name + " in PATH";
  if (found.error().is_errno(EACCES)) return name + (by_path ? "" : " in PATH") + " is not executable";
  return name + ": " + found.error().code.message();
}

}  // namespace holdfast::daemon
