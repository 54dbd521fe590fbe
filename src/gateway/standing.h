// What the sessions of one instance asked of its server until they say otherwise: updates of resources, and
// the level of its log. The server hears the sum of it. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/consumer.h"
#include "mcp/log_level.h"

namespace holdfast::gateway {

class Standing {
 public:
  static constexpr std::size_t kMostResources = 1000;

  // unsure: the server has to be asked, and its answer told by settle(). full: too many already.
  enum class Subscribed { known, unsure, full };
  Subscribed subscribe(const ContactPtr& who, const std::string& uri);
  void settle(const ContactPtr& who, const std::string& uri, bool agreed);
  // True: nobody wants it any more, so the server should hear of it.
  bool unsubscribe(const ContactPtr& who, const std::string& uri);
  [[nodiscard]] bool is_wanted(const std::string& uri) const { return resources_.contains(uri); }
  // Of that resource, or of one that it is a part of.
  [[nodiscard]] std::set<ContactPtr> subscribers(std::string_view uri) const;

  // Forgets a session. The resources that nobody wants any more.
  std::vector<std::string> drop(const ContactPtr& who);

  void set_level(const ContactPtr& who, mcp::LogLevel level) { levels_[who] = level; }
  void forget_level(const ContactPtr& who) { levels_.erase(who); }
  // The most verbose of all that were asked for.
  [[nodiscard]] std::optional<mcp::LogLevel> level() const;

 private:
  struct Resource {
    std::set<ContactPtr> who;
    bool agreed = false;  // the server has said yes
  };
  std::map<std::string, Resource, std::less<>> resources_;
  std::map<ContactPtr, mcp::LogLevel> levels_;
};

}  // namespace holdfast::gateway
