#include "custody/resolve.h"

#include <cerrno>
#include <cstring>

#include "os/process.h"

namespace holdfast::custody {

namespace {

std::string_view variable(char* const* environment, std::string_view name) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

Result<const char*> find_program(const char* word, char* const* environment, FixedString<1024>& room) {
  if (std::strchr(word, '/') != nullptr) {
    if (os::is_executable(word)) return word;
    return sys_error("", word, errno == ENOTDIR ? ENOENT : errno);
  }
  std::string_view search = variable(environment, "PATH");
  if (search.empty()) search = kDefaultPath;
  int why = ENOENT;
  while (*word != '\0') {
    const auto colon = search.find(':');
    const auto directory = search.substr(0, colon);
    room = {};
    room.append(directory.empty() ? "." : directory).append("/").append(word);
    if (room.view().size() < room.capacity && os::is_executable(room.c_str())) return room.c_str();
    if (errno == EACCES) why = EACCES;  // it may be found further on
    if (colon == std::string_view::npos) break;
    search.remove_prefix(colon + 1);
  }
  return sys_error("", word, why);
}

}  // namespace holdfast::custody
