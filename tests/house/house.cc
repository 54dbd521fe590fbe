#include "house.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string_view>

namespace holdfast::house {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLines = 600;

// docs/architecture.md draws the same picture.
const std::map<std::string, int, std::less<>> kFloors{
    {"base", 0},   {"os", 1},      {"cron", 1},     {"net", 2},   {"custody", 3}, {"mcp", 3}, {"store", 3},
    {"config", 3}, {"gateway", 4}, {"schedule", 5}, {"front", 6}, {"daemon", 7},  {"cli", 8}};
constexpr int kAppsFloor = 9;

bool is_test(std::string_view path) { return path.starts_with("tests/") || path.ends_with("_test.cc"); }

// "src/os/pidfd.h" -> "os"; "apps/keeper/main.cc" -> "apps"; else empty: the rule of floors is not about it.
std::string room_of(std::string_view path) {
  if (path.starts_with("apps/")) return "apps";
  if (!path.starts_with("src/")) return {};
  path.remove_prefix(4);
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::optional<int> floor_of(std::string_view room) {
  if (room == "apps") return kAppsFloor;
  const auto found = kFloors.find(room);
  if (found == kFloors.end()) return std::nullopt;
  return found->second;
}

// Comments and the insides of string literals do not call anything. A raw string or a block comment over
// several lines is not followed: the house writes neither around code.
std::string code_of(const std::string& line) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
        out += c;
      }
      continue;
    }
    if (c == '/' && i + 1 < line.size() && line[i + 1] == '/') break;
    out += c;
    if (c == '"' && (i == 0 || line[i - 1] != '\'')) in_string = true;
  }
  return out;
}

std::string at(const File& file, std::size_t index, const std::string& what) {
  return file.path + ":" + std::to_string(index + 1) + ": " + what;
}

}  // namespace

File read_file(const fs::path& root, const std::string& path) {
  File file{path, {}};
  std::ifstream in(root / path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(line);
  return file;
}

Tree read_tree(const fs::path& root) {
  Tree tree;
  for (const char* top : {"src", "apps", "tests", "bench"}) {
    if (!fs::exists(root / top)) continue;
    for (auto it = fs::recursive_directory_iterator(root / top); it != fs::recursive_directory_iterator();
         ++it) {
      const auto name = it->path().filename().string();
      if (it->is_directory() && (name == "node_modules" || name == "out" || name.starts_with('.'))) {
        it.disable_recursion_pending();
        continue;
      }
      const auto extension = it->path().extension();
      if (!it->is_regular_file() || (extension != ".h" && extension != ".cc" && extension != ".c")) continue;
      tree.push_back(read_file(root, fs::relative(it->path(), root).generic_string()));
    }
  }
  std::ranges::sort(tree, {}, &File::path);
  return tree;
}

Findings check_floors(const Tree& tree) {
  static const std::regex include(R"re(^\s*#\s*include\s+"([a-z_]+)/[^"]*")re");
  Findings found;
  for (const auto& file : tree) {
    const auto room = room_of(file.path);
    if (room.empty()) continue;
    const auto floor = floor_of(room);
    if (!floor) {
      found.push_back(
          at(file, 0, "room '" + room + "' has no floor: add it to the picture and to this test"));
      continue;
    }
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(file.lines[i], match, include)) continue;
      const std::string other = match[1];
      const auto below = floor_of(other);
      if (!below || other == room) continue;  // not a room: a library's quoted include
      if (*below < *floor) continue;
      const char* why = *below == *floor ? " on the same floor" : " on a floor above";
      found.push_back(at(file, i, room + " includes " + other + why));
    }
  }
  return found;
}

Findings check_raw_calls(const Tree& tree) {
  // Calls that make, end, mark or wait for processes, and those that name kernel objects. A leading dot,
  // arrow or name makes it a method or a function of ours: os::kill is the point. What is ignored a server
  // would inherit: os/signals.h has to know.
  static const std::regex raw(
      R"((^|[^A-Za-z0-9_.>:])(::)?(syscall|kill|killpg|tgkill|fork|vfork|clone|clone3|execve|execv|execvp|execvpe|posix_spawnp?|waitpid|wait4|waitid|prctl|ptrace|setsid|setpgid|pidfd_open|pidfd_send_signal|name_to_handle_at|open_by_handle_at|unshare|setns|signalfd|sigprocmask|pthread_sigmask|sigaction|socketpair|pipe2?|openat|mkdirat|unlinkat|flock|popen|system)\s*\(|\bSIG_IGN\b)");
  Findings found;
  for (const auto& file : tree) {
    const auto room = room_of(file.path);
    if (room.empty() || room == "os" || is_test(file.path)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto code = code_of(file.lines[i]);
      std::smatch match;
      if (!std::regex_search(code, match, raw)) continue;
      // `Pass kill();` declares: the word before is a type. After `return` and its like it is a call.
      static const std::regex declares(R"(([A-Za-z0-9_]+|>|[&*])\s*$)");
      static const std::regex operates(
          R"(\b(return|co_return|co_await|co_yield|else|throw|case|do|and|or|not)\s*$)");
      const auto before = code.substr(0, static_cast<std::size_t>(match.position(3)));
      if (match[2].length() == 0 && std::regex_search(before, declares) &&
          !std::regex_search(before, operates) && !before.ends_with("&& ")) {
        continue;
      }
      found.push_back(at(file, i, "raw call " + match[3].str() + "() outside src/os"));
    }
  }
  return found;
}

Findings check_sizes(const Tree& tree) {
  Findings found;
  for (const auto& file : tree) {
    if (file.lines.size() > kMostLines) {
      found.push_back(
          at(file, file.lines.size() - 1, std::to_string(file.lines.size()) + " lines, 600 at most"));
    }
  }
  return found;
}

Findings check_guards(const Tree& tree) {
  Findings found;
  for (const auto& file : tree) {
    if (!file.path.ends_with(".h")) continue;
    bool in_comment = false;
    const auto code = std::ranges::find_if(file.lines, [&](const std::string& line) {
      if (!in_comment && line.starts_with("/*")) in_comment = true;
      const bool comment = in_comment || line.empty() || line.starts_with("//");
      if (line.ends_with("*/")) in_comment = false;
      return !comment;
    });
    if (code == file.lines.end() || *code != "#pragma once") {
      found.push_back(at(file, 0, "a header begins with #pragma once (after its comment)"));
    }
  }
  return found;
}

Findings check_marks(const Tree& tree) {
  // Spelt apart so that this file does not find itself.
  static const std::regex mark(
      "\\b(TO"
      "DO|FIX"
      "ME|X"
      "XX)\\b");
  Findings found;
  for (const auto& file : tree) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (std::regex_search(file.lines[i], mark)) found.push_back(at(file, i, "marked as unfinished"));
    }
  }
  return found;
}

Findings check_skips(const Tree& tree) {
  Findings found;
  for (const auto& file : tree) {
    if (file.path == "tests/needs.h") continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (code_of(file.lines[i])
              .contains("GTEST_"
                        "SKIP"))
        found.push_back(at(file, i, "skips by itself: HOLDFAST_NEEDS lets nobody skip what was required"));
    }
  }
  return found;
}

std::set<std::string> names_of_tests(const Tree& tree, const File& python) {
  static const std::regex cpp(R"(\bTEST(?:_F|_P)?\(\s*([A-Za-z0-9_]+),\s*([A-Za-z0-9_]+)\))");
  static const std::regex def(R"(^    def (test_[A-Za-z0-9_]+)\()");
  static const std::regex suite(R"(^class ([A-Za-z0-9_]+)\()");
  std::set<std::string> names;
  for (const auto& file : tree) {
    if (!is_test(file.path)) continue;
    std::string text;
    for (const auto& line : file.lines) text += line + '\n';
    for (std::sregex_iterator match(text.begin(), text.end(), cpp), end; match != end; ++match)
      names.insert(match->str(1) + "." + match->str(2));
  }
  std::string within;
  std::smatch match;
  for (const auto& line : python.lines) {
    if (std::regex_search(line, match, suite)) within = match.str(1);
    if (std::regex_search(line, match, def)) names.insert(within + "." + match.str(1));
  }
  return names;
}

Findings check_leak_classes(const File& table, int classes, const Tree& tree, const File& python) {
  static const std::regex row(R"(^\| L(\d+) [^|]*\|[^|]*\|([^|]*)\|$)");
  static const std::regex name("`([^`]+\\.[^`]+)`");
  const auto known = names_of_tests(tree, python);
  Findings found;
  std::map<int, int> rows;
  for (std::size_t i = 0; i < table.lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_match(table.lines[i], match, row)) continue;
    ++rows[std::stoi(match.str(1))];
    const std::string tests = match.str(2);
    std::sregex_iterator test(tests.begin(), tests.end(), name);
    if (test == std::sregex_iterator()) found.push_back(at(table, i, "no test is named"));
    for (; test != std::sregex_iterator(); ++test)
      if (!known.contains(test->str(1))) found.push_back(at(table, i, "there is no test " + test->str(1)));
  }
  for (int n = 1; n <= classes; ++n)
    if (rows[n] != 1)
      found.push_back(table.path + ": L" + std::to_string(n) + " has " + std::to_string(rows[n]) + " rows");
  return found;
}

}  // namespace holdfast::house
