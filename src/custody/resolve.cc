#include "custody/resolve.h"

#include <unistd.h>

#include <filesystem>

namespace holdfast::custody {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// 0, or the errno that execve would give.
int cannot_execute(const std::string& path) {
  std::error_code ec;
  const auto status = std::filesystem::status(path, ec);
  if (status.type() == std::filesystem::file_type::not_found) return ENOENT;
  if (ec) return ec.value();
  if (!std::filesystem::is_regular_file(status)) return EACCES;
  return ::access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

std::string below(const std::string& cwd, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  const std::string base = cwd.empty() ? "/" : cwd;
  return (std::filesystem::path(base) / path).lexically_normal().native();
}

}  // namespace

std::string_view environment_value(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view entry : environment)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return {};
}

Result<std::string> find_program(const Command& command) {
  const std::string& program = command.program;
  if (program.empty()) return sys_error("", "no command", ENOENT);
  if (program.find('\0') != program.npos) return sys_error("", "a command with a zero byte", EINVAL);
  if (program.find('/') != program.npos) {
    std::string path = below(command.cwd, program);
    if (const int error = cannot_execute(path)) return sys_error("", path, error);
    return path;
  }
  std::string_view search = environment_value(command.environment, "PATH");
  if (search.empty()) search = kDefaultPath;
  std::string refused;
  int why = 0;
  for (std::string_view rest = search;;) {
    const auto colon = rest.find(':');
    const auto directory = rest.substr(0, colon);
    std::string path = below(command.cwd, directory.empty() ? "." : directory) + '/' + program;
    const int error = cannot_execute(path);
    if (error == 0) return path;
    if (error == EACCES && refused.empty())
      refused = std::move(path), why = error;  // it may be found further on
    if (colon == rest.npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (why != 0) return sys_error("", refused, why);
  return sys_error("", program + ": not found in PATH (" + std::string(search) + ")", ENOENT);
}

}  // namespace holdfast::custody
