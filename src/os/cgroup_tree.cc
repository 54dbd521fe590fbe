// The part of os/cgroup.h that works with paths, and so with heap: the gateway's, never the keeper's.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/cgroup_path.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

Result<std::vector<std::string>> directories(int dir, const std::string& path) {
  auto listing = open_at(dir, ".", O_RDONLY | O_DIRECTORY);
  if (!listing) return sys_error("openat", path, listing.error().code.value());
  std::vector<std::string> names;
  DirectoryReader entries(listing->get());
  for (auto entry = entries.next(); entry.name != nullptr; entry = entries.next()) {
    if (entry.directory) names.emplace_back(entry.name);
  }
  return names;
}

}  // namespace

Result<CgroupLeaf> CgroupLeaf::create(const std::string& parent, std::string_view name) {
  const std::string path = parent + "/" + std::string(name);
  if (::mkdir(path.c_str(), 0755) != 0) return sys_error("mkdir", path);
  auto made = open(path);
  if (!made) (void)::rmdir(path.c_str());
  return made;
}

Result<CgroupLeaf> CgroupLeaf::open(const std::string& path) {
  auto dir = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir) return forward(dir);
  return CgroupLeaf(std::move(*dir));
}

Result<void> remove_cgroup(const std::string& path) {
  auto dir = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir) return dir.error().is_errno(ENOENT) ? Result<void>{} : forward(dir);
  auto below = directories(dir->get(), path);
  if (!below) return forward(below);
  for (const auto& name : *below) {
    if (auto removed = remove_cgroup(path + "/" + name); !removed) return removed;
  }
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return sys_error("rmdir", path);
  return {};
}

Result<std::vector<std::string>> list_cgroups(const std::string& path, std::string_view prefix) {
  auto dir = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir) return forward(dir);
  auto names = directories(dir->get(), path);
  if (names) std::erase_if(*names, [&](const std::string& name) { return !name.starts_with(prefix); });
  return names;
}

Result<std::string> own_cgroup() {
  auto path = own_cgroup_path();
  if (!path) return forward(path);
  return std::string(path->view());
}

}  // namespace holdfast::os
