// Whatever mountinfo, /proc/self/cgroup and cgroup.events say: the readers agree with second ones written the
// obvious way, a mount point comes back from its octal spelling, and the directory found is the cgroup's and
// no other's. Three lines of input: a line of cgroup, a line of mountinfo; the rest is cgroup.events.
#include <algorithm>
#include <sstream>
#include <string>

#include "fuzz.h"
#include "os/cgroup_path.h"

namespace {

using namespace holdfast::os;
using holdfast::fuzz::require;

std::string escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c != ' ' && c != '\t' && c != '\n' && c != '\\') {
      out += c;
      continue;
    }
    out += '\\';
    for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + ((byte >> shift) & 7));
  }
  return out;
}

std::string absolute(std::string_view text) {
  std::string path = "/" + std::string(text.substr(0, CgroupPath::capacity / 2));
  std::erase(path, '\0');
  return path;
}

void check_mount(const std::string& line) {
  const auto mount = parse_cgroup_mount(line);
  require(!mount || line.find(" - cgroup2 ") != std::string::npos, "a mount of something else");
  if (mount)
    require(mount->root.view().front() == '/' && mount->point.view().front() == '/', "a relative mount");
  if (mount && line.find('\\') == std::string::npos && line.find("  ") == std::string::npos &&
      line.find_first_of("\t\v\f\r") == std::string::npos && line.front() != ' ') {
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    require(mount->root.view() == root.substr(0, CgroupPath::capacity) &&
                mount->point.view() == point.substr(0, CgroupPath::capacity),
            "two readers of mountinfo disagree");
  }
  const std::string root = absolute(line), point = absolute("mnt " + line);
  const auto made = parse_cgroup_mount("31 24 0:27 " + escaped(root) + " " + escaped(point) +
                                       " rw,nosuid shared:9 - cgroup2 cgroup2 rw");
  require(made && made->root.view() == root && made->point.view() == point, "a mount is read otherwise");
}

void check_directory(const std::string& path, const CgroupMount& mount) {
  const auto directory = cgroup_directory(mount, path);
  if (!directory) return;
  require(directory->view().size() < CgroupPath::capacity, "a path that was cut");
  require(directory->view().starts_with(mount.point.view()), "outside of the mount");
  const std::string below(directory->view().substr(mount.point.view().size()));
  const std::string root = mount.root.view() == "/" ? "" : std::string(mount.root.view());
  require(below.empty() || below.front() == '/', "the mount point's neighbour");
  require(root + below == path || (path == root + "/" && below.empty()), "another cgroup's directory");
}

void check_events(std::string_view text) {
  const auto lines = holdfast::fuzz::split(text, '\n');
  const bool empty = std::ranges::find(lines, "populated 0") != lines.end();
  require(says_empty(text) == empty, "two readers of cgroup.events disagree");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = text;
  const auto lines = holdfast::fuzz::split(text, '\n');
  const std::string own(lines[0]), mounted(lines.size() > 1 ? lines[1] : "");
  const auto path = parse_cgroup(own);
  require(path.has_value() == own.starts_with("0::/"), "a line of cgroup");
  if (path) require(own == "0::" + std::string(*path), "a path that is not in its line");
  check_mount(mounted);
  if (const auto mount = parse_cgroup_mount(mounted); mount && path)
    check_directory(std::string(*path), *mount);
  check_events(lines.size() > 2 ? text.substr(own.size() + mounted.size() + 2) : text);
  return 0;
}
