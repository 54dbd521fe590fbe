// What differs between two configurations, by name of entry.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"

namespace holdfast::config {

struct Changes {
  std::vector<std::string> added, changed, removed;
  int unchanged = 0;
  bool operator==(const Changes&) const = default;
};

template <class Entry>
Changes compare(const std::map<std::string, Entry>& before, const std::map<std::string, Entry>& after) {
  Changes out;
  for (const auto& [name, entry] : after) {
    const auto old = before.find(name);
    if (old == before.end())
      out.added.push_back(name);
    else if (old->second == entry)
      ++out.unchanged;
    else
      out.changed.push_back(name);
  }
  for (const auto& [name, entry] : before)
    if (!after.contains(name)) out.removed.push_back(name);
  return out;
}

// The options whose change acts at the next start only, by their path in the file.
std::vector<std::string> needs_restart(const Config& before, const Config& after);

}  // namespace holdfast::config
