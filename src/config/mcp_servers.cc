// Reader's part for servers: the entries that MCP clients share, under whatever name their files give them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/url.h"
#include "config/interpolate.h"
#include "config/reader.h"

namespace holdfast::config {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr milliseconds kIdleWhenShared{600'000};

bool is_name_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

// Other clients allow blanks, dots and slashes in names, and their files must load; tools' names do not allow
// them.
std::optional<std::string> Reader::server_name(const Node& key, std::string_view path) {
  constexpr std::string_view kReplaced = " ./@:+";
  std::string name;
  for (const char c : key.text) {
    if (!is_name_character(c) && !kReplaced.contains(c)) {
      error(key, path, fmt::format("found the name {}; expected letters, digits, `-` and `_`", found(key)));
      return std::nullopt;
    }
    const char next = is_name_character(c) ? c : '_';
    if (next != '_' || !name.ends_with('_')) name += next;
  }
  // At its end it would make three of the two that part it from its tools.
  if (name.size() > 1 && name.ends_with('_')) name.pop_back();
  if (name.empty() || name.size() > kLongestName || name == "_") {
    error(key, path,
          fmt::format("found the name {}; expected 1 to {} letters, digits, `-` and `_`", found(key),
                      kLongestName));
    return std::nullopt;
  }
  if (name != key.text)
    warn(key, path,
         fmt::format("is called \"{}\" here: names hold letters, digits, `-` and `_`, and `__` parts a "
                     "server from its tools",
                     name));
  if (config_.servers.contains(name)) {
    error(key, path, fmt::format("a second server would be called \"{}\"; rename one", name));
    return std::nullopt;
  }
  renamed_[key.text] = name;
  return name;
}

void Reader::read_servers(const Node& map, const std::string& path) {
  if (map.is_null()) return;
  if (!map.is_map())
    return error(map, path, fmt::format("found {}; expected a mapping of names to servers", found(map)));
  for (const auto& [key, value] : map.entries) read_server(*key, *value, path_of(path, key->text));
}

void Reader::read_server(const Node& key, const Node& node, const std::string& path) {
  const auto name = server_name(key, path);
  if (!node.is_map())
    return error(node.is_null() ? key : node, path,
                 fmt::format("found {}; expected a mapping with `command` or `url`", found(node)));
  Server server;
  server.name = name.value_or("");
  const std::size_t first = problems_.size();
  unusable_ = &server.unusable;
  read_section(Section::server, node, path, Target{&config_, &server, nullptr, nullptr});
  unusable_ = nullptr;
  check_server(server, key, node, path);
  finish_entry(first, server.enabled);
  if (name) config_.servers.emplace(*name, std::move(server));
}

void Reader::check_server(Server& server, const Node& key, const Node& node, const std::string& path) {
  const auto has = [&](std::string_view option) { return given(Section::server, node, option) != nullptr; };
  const bool command = has("command"), url = has("url");
  if (command && url) error(key, path, "has both `command` and `url`; keep one");
  if (!command && !url)
    error(key, path, "has neither `command` nor `url`; one of them says what the server is");
  if (const Node* at = given(Section::server, node, "url"); at != nullptr && at->is_scalar() && !command) {
    if (const auto url = parse_url(server.url); !server.url.empty() && !url)
      error(*at, path_of(path, "url"), fmt::format("found {}: {}", found(*at), url.error().op));
    else if (server.url.empty() && server.unusable.empty())
      error(*at, path_of(path, "url"), "is empty");
  }
  if (!has("idleTimeout") && server.sharing != Sharing::session) server.idle_timeout = kIdleWhenShared;
  if (!command) return;
  check_directory(server.cwd, server.unusable, given(Section::server, node, "cwd"), node, path,
                  server.enabled);
  if (server.enabled && server.unusable.empty())
    check_program(server.command, server.env, *given(Section::server, node, "command"), path);
}

// A warning: the program may be there, or in another PATH, when it is wanted.
void Reader::check_program(const std::string& program, const std::map<std::string, std::string>& environment,
                           const Node& command, const std::string& path) {
  if (!check_command_ || program.empty()) return;
  std::string fault = check_command_(program, environment);
  if (fault.empty()) return;
  const Node& at = command.is_list() ? *command.items.front() : command;
  const std::string text = interpolate(at.text, environment_, false).text;
  if (const auto blank = text.find_first_of(" \t"); blank != std::string::npos) {
    const std::string word = text.substr(0, blank);
    if (check_command_(word.contains('/') ? resolve(word) : word, environment).empty())
      fault = fmt::format(
          "{} is taken as one program's name, and no shell splits it; put the arguments into "
          "`args`",
          found(at));
  }
  warn(at, path_of(path, "command"), std::move(fault));
}

// It spoils its own entry only: a disk that is not mounted must not keep all the others from starting.
void Reader::check_directory(std::string& cwd, std::string& unusable, const Node* at, const Node& node,
                             const std::string& path, bool enabled) {
  if (cwd.empty()) {
    cwd = resolve(".");
    return;
  }
  std::error_code ec;
  if (!enabled || std::filesystem::is_directory(cwd, ec)) return;
  const std::string fault = fmt::format("{} is not a directory that exists", clipped(cwd, 200));
  error(at != nullptr ? *at : node, path_of(path, "cwd"), fault, false);
  if (unusable.empty()) unusable = "cwd: " + fault;
}

// What is switched off needs none of its variables.
void Reader::finish_entry(std::size_t first_problem, bool enabled) {
  if (enabled) return;
  for (std::size_t i = first_problem; i < problems_.size(); ++i)
    if (!problems_[i].blocks_start) problems_[i].severity = Problem::Severity::warning;
}

}  // namespace holdfast::config
