#include "custody/places.h"

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "os/process.h"

namespace holdfast::custody {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr std::string_view kParent = "holdfast-";  // and a gateway's id
constexpr std::string_view kRoom = "-gateway";     // behind the directory's name
constexpr milliseconds kHoldLimit{500};
constexpr int kRemoveTries = 50;
constexpr milliseconds kPause{1};

// Whose place it is that bears this name; empty: no gateway's.
std::string_view gateway_of(std::string_view name) {
  if (!name.starts_with(kParent)) return {};
  name.remove_prefix(kParent.size());
  if (name.ends_with(kRoom)) name.remove_suffix(kRoom.size());
  return is_gateway_id(name) ? name : std::string_view();
}

bool is_populated(const std::string& path) {
  const auto dir = os::CgroupLeaf::open(path);
  return dir && dir->populated().value_or(true);
}

}  // namespace

bool is_gateway_id(std::string_view id) {
  return id.size() == 2 * kGatewayIdBytes && id.find_first_not_of("0123456789abcdef") == id.npos;
}

std::string leaf_parent_name(std::string_view id) { return std::string(kParent).append(id); }

std::string leaf_parent_of(const std::string& own, const std::string& id) {
  return own + '/' + leaf_parent_name(id);
}

std::string room_of(const std::string& parent) { return parent + std::string(kRoom); }

Result<std::string> home_cgroup(const std::string& id) {
  auto own = os::own_cgroup();
  const std::string room = room_of(leaf_parent_of("", id));
  if (own && own->ends_with(room)) own->resize(own->size() - room.size());
  return own;
}

Result<os::CgroupLeaf> hold(const std::string& parent) {
  const auto deadline = steady_clock::now() + kHoldLimit;
  for (;;) {
    std::error_code ec;
    std::filesystem::create_directory(parent, ec);
    if (ec) return sys_error("mkdir", parent, ec.value());
    auto dir = os::CgroupLeaf::open(parent);
    const auto locked = dir ? os::lock_descriptor(dir->dir(), false) : forward(dir);
    if (locked && dir->events_fd()) return dir;  // which a removed one does not give
    const bool may_pass = locked || locked.error().is_errno(ENOENT) || locked.error().is_errno(EWOULDBLOCK);
    if (!may_pass || steady_clock::now() >= deadline)
      return locked ? fail(Errc::timeout, "hold", parent) : std::unexpected(locked.error());
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> remove_emptied(const std::string& path) {
  auto removed = os::remove_cgroup(path);
  for (int i = 0; i < kRemoveTries && !removed && removed.error().is_errno(EBUSY); ++i) {
    std::this_thread::sleep_for(kPause);
    removed = os::remove_cgroup(path);
  }
  if (!removed && !removed.error().is_errno(ENOENT)) return removed;
  return {};
}

Result<void> remove_places(const std::string& parent) {
  if (auto room = remove_emptied(room_of(parent)); !room) return room;
  return remove_emptied(parent);
}

void remove_abandoned(const std::string& own, std::string_view mine) {
  const auto names = os::list_cgroups(own, kParent);
  if (!names) return;
  std::set<std::string> parents;  // of what is there: one for a directory and its room
  for (const auto& name : *names)
    if (const auto id = gateway_of(name); !id.empty() && id != mine)
      parents.insert(leaf_parent_of(own, std::string(id)));
  for (const auto& parent : parents) {
    const auto dir = os::CgroupLeaf::open(parent);
    if (dir ? !os::lock_descriptor(dir->dir(), true).has_value() : !dir.error().is_errno(ENOENT)) continue;
    if (!is_populated(parent) && !is_populated(room_of(parent))) (void)remove_places(parent);
  }
}

}  // namespace holdfast::custody
