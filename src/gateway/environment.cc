#include "gateway/environment.h"

#include <algorithm>
#include <array>

namespace holdfast::gateway {

bool is_inherited(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kNames{"HOME", "LANG",   "LOGNAME", "PATH", "SHELL",
                                                          "TERM", "TMPDIR", "TZ",      "USER"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("LC_") ||
         name.starts_with("XDG_");
}

std::vector<std::string> make_environment(const char* const* own,
                                          const std::map<std::string, std::string>& extra) {
  std::map<std::string, std::string> all{{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  for (; own != nullptr && *own != nullptr; ++own) {
    const std::string_view entry(*own);
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos || !is_inherited(entry.substr(0, equals))) continue;
    all.insert_or_assign(std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1)));
  }
  for (const auto& [name, value] : extra) all.insert_or_assign(name, value);
  std::vector<std::string> lines;
  lines.reserve(all.size());
  for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
  return lines;
}

}  // namespace holdfast::gateway
