#include "custody/enforcement.h"

#include <algorithm>
#include <filesystem>

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

std::string room_of(const std::string& parent) { return parent + "-gateway"; }

std::array<Enforcement::Row, 4> Enforcement::rows() const {
  const std::string none = "not enforced: " + why_not;
  return {Row{"memory", true, memory ? "cgroup" : "rlimit per process"},
          Row{"pids", pids, pids ? "cgroup" : none}, Row{"cpu", cpu, cpu ? "cgroup" : none},
          Row{"files", true, "rlimit per process"}};
}

Limits Enforcement::of_leaf(const Limits& wanted) const {
  return {.memory = memory ? wanted.memory : 0,
          .pids = pids ? wanted.pids : 0,
          .cpu = cpu ? wanted.cpu : 0,
          .files = 0};
}

// RLIMIT_NPROC counts all that the user runs: it would refuse a sibling what a hog has taken.
Limits Enforcement::of_process(const Limits& wanted) const {
  return {.memory = memory ? 0 : wanted.memory, .pids = 0, .cpu = 0, .files = wanted.files};
}

std::vector<Enforcement::Row> Enforcement::rows_for(const Limits& wanted) const {
  const std::array asked{wanted.memory, wanted.pids, wanted.cpu, wanted.files};  // in the order of rows()
  std::vector<Row> chosen;
  auto all = rows();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (asked[i] != 0) chosen.push_back(std::move(all[i]));
  return chosen;
}

Enforcement HandedDown::hand_down(const std::string& own, const std::string& parent) {
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

Result<void> HandedDown::make_room(const std::string& own, const std::string& parent) {
  if (os::may_hold_processes(own)) return {};
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

Result<void> HandedDown::hand_down(const std::string& own, const std::string& parent,
                                   const std::string& name) {
  for (const auto& from : {own, parent}) {
    if (names(os::controllers_below(from), name)) continue;
    if (auto done = os::hand_down(from, name); !done) return done;
    given_.emplace_back(from, name);
  }
  return {};
}

void HandedDown::take_back() {
  for (; !given_.empty(); given_.pop_back())
    (void)os::take_back(given_.back().first, given_.back().second);  // gone, or somebody's by now
  if (room_.empty()) return;
  if (os::move_into(left_)) (void)os::remove_cgroup(room_);
  left_.clear();
  room_.clear();
}

}  // namespace holdfast::custody
