#include "custody/delegation.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "custody/places.h"
#include "os/controllers.h"

namespace holdfast::custody {

namespace {

constexpr std::array<std::string_view, 3> kControllers{"memory", "pids", "cpu"};

bool names(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

std::string in_words(const std::string& own, const Error& error) {
  return error.is_errno(EBUSY) ? "other processes live in " + own : error.message();
}

}  // namespace

Enforcement Delegation::hand_down(const std::string& own, const std::string& parent) {
  Enforcement found;
  const auto here = os::controllers_of(own);
  found.why_not = "its controller is not delegated to " + own;
  if (std::ranges::none_of(kControllers, [&](auto name) { return names(here, name); })) return found;
  if (auto room = make_room(own, parent); !room) {
    found.why_not = in_words(own, room.error());
    return found;
  }
  for (const auto name : kControllers) {
    if (!names(here, name)) continue;
    const auto given = hand_down(own, parent, std::string(name));
    (name == "memory" ? found.memory : name == "pids" ? found.pids : found.cpu) = given.has_value();
    if (!given) found.why_not = in_words(own, given.error());
  }
  if (!found.memory && !found.pids && !found.cpu) take_back();
  return found;
}

void hand_on(const std::string& parent) {
  for (const auto name : kControllers)
    if (names(os::controllers_of(parent), name)) (void)os::hand_down(parent, name);
}

Result<void> Delegation::make_room(const std::string& own, const std::string& parent) {
  if (os::is_hierarchy_root(own)) return {};
  std::error_code ec;
  const std::string room = room_of(parent);
  std::filesystem::create_directory(room, ec);
  if (ec) return sys_error("mkdir", room, ec.value());
  if (auto moved = os::move_into(room); !moved) {
    (void)os::remove_cgroup(room);
    return moved;
  }
  left_ = own;
  room_ = room;
  return {};
}

Result<void> Delegation::hand_down(const std::string& own, const std::string& parent,
                                   const std::string& name) {
  for (const auto& from : {own, parent}) {
    if (names(os::controllers_below(from), name)) continue;
    if (auto done = os::hand_down(from, name); !done) return done;
    given_.emplace_back(from, name);
  }
  return {};
}

void Delegation::take_back() {
  for (; !given_.empty(); given_.pop_back())
    (void)os::take_back(given_.back().first, given_.back().second);  // gone, or somebody's by now
  if (room_.empty()) return;
  if (os::move_into(left_)) (void)remove_emptied(room_);
  leave();
}

void Delegation::leave() {
  given_.clear();
  left_.clear();
  room_.clear();
}

}  // namespace holdfast::custody
