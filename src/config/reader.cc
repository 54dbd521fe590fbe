#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdfast::config {

std::string found(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::list:
      return node.items.empty() ? "an empty list" : "a list";
    case Node::Kind::map:
      return "a mapping";
    case Node::Kind::scalar:
      break;
  }
  return fmt::format("\"{}\"", clipped(node.text, 60));
}

std::string path_of(const std::string& parent, std::string_view key) {
  return (parent.empty() ? "" : parent + ".") + clipped(key, 80);
}

const Node* given(Section section, const Node& map, std::string_view option) {
  for (const auto& [key, value] : map.entries)
    if (const Option* row = find_option(section, key->text); row != nullptr && row->key == option)
      return value.get();
  return nullptr;
}

Reader::Reader(Config& config, std::vector<Problem>& problems, const Lookup& environment,
               const ScheduleCheck& check_schedule, const CommandCheck& check_command,
               std::filesystem::path folder)
    : config_(config),
      problems_(problems),
      environment_(environment),
      check_schedule_(check_schedule),
      check_command_(check_command),
      folder_(std::move(folder)) {}

void Reader::error(const Node& at, std::string_view path, std::string message, bool blocks_start) {
  report({Problem::Severity::error, at.line, at.column, std::string(path), std::move(message), blocks_start});
}

void Reader::warn(const Node& at, std::string_view path, std::string message) {
  report({Problem::Severity::warning, at.line, at.column, std::string(path), std::move(message), false});
}

// Each kind is counted by itself, so that a thousand warnings never hide an error.
void Reader::report(Problem problem) {
  std::size_t& count = reported_[problem.severity == Problem::Severity::warning ? 0
                                 : problem.blocks_start                         ? 1
                                                                                : 2];
  if (++count <= kMostProblems)
    problems_.push_back(std::move(problem));
  else
    ++left_out_;
}

void Reader::read_file(const Node& root) {
  if (root.is_null()) {
    if (problems_.empty())  // else it could not be read as a document, which has been said
      error(root, "",
            "is empty; a configuration is a mapping with `mcpServers` and `jobs` ({} if it is to hold "
            "nothing)");
    return;
  }
  if (!root.is_map()) {
    error(root, "",
          fmt::format("found {}; a configuration is a mapping with `mcpServers` and `jobs`", found(root)));
    return;
  }
  // Jobs are checked against servers, whatever comes first in the file.
  for (const auto& [key, value] : root.entries)
    if (const Option* row = find_option(Section::top, key->text); row && row->type == Type::servers)
      read_servers(*value, path_of("", key->text));
  read_foreign(root);
  read_default_zone(root);
  read_section(Section::top, root, "", Target{&config_, nullptr, nullptr, nullptr});
  check_tls(root);
  if (left_out_ > 0)
    problems_.push_back({Problem::Severity::warning,
                         0,
                         0,
                         {},
                         fmt::format("{} more problems are not shown", left_out_),
                         false});
}

// Of the file's own `listen`; one on the command line is checked at the start.
void Reader::check_tls(const Node& root) {
  const Node* tls = given(Section::top, root, "tls");
  const Node* listen = given(Section::top, root, "listen");
  const bool whole = !config_.tls.certificate.empty() && !config_.tls.key.empty();
  const bool wanted =
      std::ranges::any_of(config_.listen, [](const auto& text) { return text.starts_with("https://"); });
  if (tls != nullptr && !whole)
    error(*tls, "tls", "needs both files, `{ certificate: FILE, key: FILE }`");
  else if (wanted && !whole)
    error(*listen, "listen", "an address with https:// needs `tls: { certificate: FILE, key: FILE }`");
  else if (!wanted && whole)
    warn(*tls, "tls", "has no effect: no address of `listen` begins with https://");
}

// OpenClaw keeps its servers under `mcp.servers`.
void Reader::read_foreign(const Node& root) {
  const Node* mcp = root.find("mcp");
  const Node* servers = mcp != nullptr && mcp->is_map() ? mcp->find("servers") : nullptr;
  if (servers != nullptr) read_servers(*servers, "mcp.servers");
}

bool Reader::read_section(Section section, const Node& map, const std::string& path, Target target) {
  if (!map.is_map()) {
    error(map, path, fmt::format("found {}; expected a mapping", found(map)));
    return false;
  }
  std::map<const Option*, std::string> seen;
  for (const auto& [key, value] : map.entries) {
    const std::string here = path_of(path, key->text);
    const Option* row = find_option(section, key->text);
    if (row == nullptr) {
      if (section == Section::top && (key->text.starts_with("x-") || (key->text == "mcp" && value->is_map())))
        continue;  // `x-` holds anchors; `mcp` has been read
      const auto near = nearest_key(section, key->text);
      warn(*key, here,
           near.empty() ? fmt::format("unknown key {}; it has no effect", found(*key))
                        : fmt::format("unknown key {}; did you mean \"{}\"?", found(*key), near));
      continue;
    }
    if (row->type == Type::ignored) continue;
    const auto [other, fresh] = seen.emplace(row, key->text);
    if (!fresh && row->type != Type::servers) {
      error(*key, here, fmt::format("says the same as \"{}\" above; keep one", other->second));
      continue;
    }
    read_option(*row, *value, here, target);
  }
  return true;
}

// Silence would be a promise. What only repeats the default promises nothing new.
void Reader::warn_if_later(const Option& row, const Node& node, const std::string& path) {
  const bool asks =
      node.is_scalar() ? node.text != row.fallback : !node.entries.empty() || !node.items.empty();
  if (row.later && asks) warn(node, path, "has no effect in this version");
}

void Reader::read_option(const Option& row, const Node& node, const std::string& path, Target& target) {
  switch (row.type) {
    case Type::servers:
      return;  // read before everything else
    case Type::jobs:
      return node.is_null() ? void() : read_jobs(node, path);
    case Type::steps:
      return read_steps(row, node, path, target);
    case Type::section:
      warn_if_later(row, node, path);
      if (!node.is_null()) read_section(row.nested, node, path, target);
      return;
    case Type::unsupported:
      return warn(node, path, fmt::format("has no effect here. {}", row.doc));
    default:
      break;
  }
  warn_if_later(row, node, path);
  auto value = read_value(row, node, path, target);
  if (value && row.set != nullptr) row.set(target, std::move(*value));
}

}  // namespace holdfast::config
