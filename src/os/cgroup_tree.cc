// The part of os/cgroup.h that works with paths, and so with heap: the gateway's, never the keeper's.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "os/cgroup.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

// mountinfo writes blanks, tabs, newlines and backslashes as octal numbers: "\040".
std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

struct Mount {
  std::string root, point;
};

Result<Mount> find_cgroup2() {
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    if (fields >> id >> parent >> device >> root >> point) return Mount{unescape(root), unescape(point)};
  }
  return fail(Errc::not_found, "own_cgroup", "no cgroup2 mount");
}

Result<std::string> path_in_hierarchy() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return fail(Errc::not_found, "own_cgroup", "no cgroup2 in /proc/self/cgroup");
}

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
  return open(path);
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
  auto path = path_in_hierarchy();
  if (!path) return path;
  auto mount = find_cgroup2();
  if (!mount) return forward(mount);
  // "/..": this process sits above the root of its cgroup namespace, and no path of ours leads there.
  if (path->starts_with("/.."))
    return fail(Errc::not_found, "own_cgroup", "outside of the cgroup namespace's root");
  if (mount->root != "/") {
    if (!path->starts_with(mount->root))
      return fail(Errc::not_found, "own_cgroup", "outside of the mounted part");
    path->erase(0, mount->root.size());
  }
  if (*path == "/") path->clear();
  return mount->point + *path;
}

}  // namespace holdfast::os
