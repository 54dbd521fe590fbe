#include "gateway/standing.h"

#include <algorithm>

namespace holdfast::gateway {
namespace {

bool is_part_of(std::string_view uri, std::string_view whole) {
  if (!uri.starts_with(whole)) return false;
  return uri.size() == whole.size() || whole.ends_with('/') ||
         std::string_view("/?#").contains(uri[whole.size()]);
}

}  // namespace

Standing::Subscribed Standing::subscribe(const ContactPtr& who, const std::string& uri) {
  if (resources_.size() >= kMostResources && !resources_.contains(uri)) return Subscribed::full;
  Resource& resource = resources_[uri];
  resource.who.insert(who);
  return resource.agreed ? Subscribed::known : Subscribed::unsure;
}

void Standing::settle(const ContactPtr& who, const std::string& uri, bool agreed) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return;  // it let go meanwhile
  if (agreed)
    found->second.agreed = true;
  else
    (void)unsubscribe(who, uri);
}

bool Standing::unsubscribe(const ContactPtr& who, const std::string& uri) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return true;  // the server may know more of it
  found->second.who.erase(who);
  if (!found->second.who.empty()) return false;
  resources_.erase(found);
  return true;
}

std::set<ContactPtr> Standing::subscribers(std::string_view uri) const {
  std::set<ContactPtr> all;
  for (const auto& [subscribed, resource] : resources_)
    if (is_part_of(uri, subscribed)) all.insert(resource.who.begin(), resource.who.end());
  return all;
}

std::vector<std::string> Standing::drop(const ContactPtr& who) {
  levels_.erase(who);
  std::vector<std::string> unwanted;
  for (auto it = resources_.begin(); it != resources_.end();) {
    const bool last = it->second.who.erase(who) > 0 && it->second.who.empty();
    if (last) unwanted.push_back(it->first);
    it = last ? resources_.erase(it) : std::next(it);
  }
  return unwanted;
}

std::optional<mcp::LogLevel> Standing::level() const {
  if (levels_.empty()) return std::nullopt;
  return std::ranges::min_element(levels_, {}, [](const auto& entry) { return entry.second; })->second;
}

}  // namespace holdfast::gateway
