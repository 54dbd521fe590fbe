#include "os/cgroup_path.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/small_file.h"

namespace holdfast::os {
namespace {

// Hands `visit` the lines of a file until it returns true. Of a line that is longer than the buffer: its
// beginning.
template <class F>
bool for_each_line(const char* path, F&& visit) {
  auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file) return false;
  char line[2048], piece[1024];
  std::size_t size = 0;
  for (;;) {
    const ssize_t n = ::read(file->get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return size > 0 && visit(std::string_view(line, size));
    for (ssize_t i = 0; i < n; ++i) {
      if (piece[i] != '\n') {
        if (size < sizeof line) line[size++] = piece[i];
        continue;
      }
      if (visit(std::string_view(line, size))) return true;
      size = 0;
    }
  }
}

std::string_view take_field(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

bool is_octal(std::string_view text) {
  return text.size() == 3 && text.find_first_not_of("01234567") == std::string_view::npos && text[0] <= '3';
}

// mountinfo writes blanks, tabs, newlines and backslashes as octal numbers: "\040".
CgroupPath unescape(std::string_view text) {
  CgroupPath plain;
  while (!text.empty()) {
    char c = text.front();
    std::size_t used = 1;
    if (c == '\\' && is_octal(text.substr(1, 3))) {
      c = static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      used = 4;
    }
    plain.append({&c, 1});
    text.remove_prefix(used);
  }
  return plain;
}

bool is_cut(const CgroupPath& path) { return path.view().size() == CgroupPath::capacity; }

std::unexpected<Error> no_cgroup(std::string_view why) { return fail(Errc::not_found, "own cgroup", why); }

}  // namespace

std::optional<std::string_view> parse_cgroup(std::string_view line) {
  if (!line.starts_with("0::/")) return std::nullopt;
  return line.substr(3);
}

std::optional<CgroupMount> parse_cgroup_mount(std::string_view line) {
  if (line.find(" - cgroup2 ") == std::string_view::npos) return std::nullopt;
  for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
  CgroupMount mount;
  mount.root = unescape(take_field(line));
  mount.point = unescape(take_field(line));
  if (!mount.root.view().starts_with('/') || !mount.point.view().starts_with('/')) return std::nullopt;
  return mount;
}

Result<CgroupPath> cgroup_directory(const CgroupMount& mount, std::string_view path) {
  // "/..": this process sits above the root of its cgroup namespace, and no path of ours leads there.
  if (path == "/.." || path.starts_with("/../")) return no_cgroup("outside of the cgroup namespace's root");
  if (const auto root = mount.root.view(); root != "/") {
    const bool inside = path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
    if (!inside) return no_cgroup("outside of the mounted part");
    path.remove_prefix(root.size());
  }
  if (path == "/") path = {};
  CgroupPath directory = mount.point;
  directory.append(path);
  if (is_cut(mount.root) || is_cut(directory)) return no_cgroup("its path is too long");
  return directory;
}

bool says_empty(std::string_view events) {
  while (!events.empty()) {
    const auto line = events.substr(0, events.find('\n'));
    if (line == "populated 0") return true;
    events.remove_prefix(std::min(line.size() + 1, events.size()));
  }
  return false;
}

Result<CgroupPath> own_cgroup_path() {
  CgroupPath own;
  CgroupMount mount;
  const bool known = for_each_line("/proc/self/cgroup", [&](std::string_view line) {
    const auto path = parse_cgroup(line);
    if (path) own = *path;
    return path.has_value();
  });
  if (!known) return no_cgroup("no cgroup2 in /proc/self/cgroup");
  if (is_cut(own)) return no_cgroup("its path is too long");
  const bool mounted = for_each_line("/proc/self/mountinfo", [&](std::string_view line) {
    const auto found = parse_cgroup_mount(line);
    if (found) mount = *found;
    return found.has_value();
  });
  if (!mounted) return no_cgroup("no cgroup2 mount");
  return cgroup_directory(mount, own.view());
}

}  // namespace holdfast::os
