#include "custody/container.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "os/text_file.h"

namespace holdfast::custody {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kRuntimes{"docker", "podman", "nerdctl"};
constexpr std::array<std::string_view, 20> kRecordedVariables{"PATH",
                                                              "HOME",
                                                              "XDG_RUNTIME_DIR",
                                                              "XDG_CONFIG_HOME",
                                                              "XDG_DATA_HOME",
                                                              "SSH_AUTH_SOCK",
                                                              "DOCKER_HOST",
                                                              "DOCKER_CONTEXT",
                                                              "DOCKER_CONFIG",
                                                              "DOCKER_CERT_PATH",
                                                              "DOCKER_TLS",
                                                              "NERDCTL_TOML",
                                                              "DOCKER_TLS_VERIFY",
                                                              "DOCKER_API_VERSION",
                                                              "CONTAINER_HOST",
                                                              "CONTAINERS_CONF",
                                                              "CONTAINER_SSHKEY",
                                                              "CONTAINER_CONNECTION",
                                                              "CONTAINERD_ADDRESS",
                                                              "CONTAINERD_NAMESPACE"};
constexpr std::size_t kShortestId = 12, kLongestId = 64;
constexpr std::string_view kEnd = ".";

fs::path cid_file(const LedgerEntry& tree, const fs::path& directory) {
  return directory / (tree.id + ".cid");
}
fs::path record_file(const LedgerEntry& tree, const fs::path& directory) {
  return directory / (tree.id + ".container");
}

bool is_runtime(const std::string& program) {
  return std::ranges::find(kRuntimes, fs::path(program).filename().native()) != kRuntimes.end();
}

bool is_recorded(std::string_view variable) {
  return std::ranges::find(kRecordedVariables, variable.substr(0, variable.find('='))) !=
         kRecordedVariables.end();
}

}  // namespace

std::optional<std::size_t> position_of_run(const Command& command) {
  if (!is_runtime(command.program)) return std::nullopt;
  bool may_be_value = false;
  const auto& words = command.arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "run") return i;
    if (words[i] == "container")
      return i + 1 < words.size() && words[i + 1] == "run" ? std::optional(i + 1) : std::nullopt;
    const bool option = words[i].starts_with('-');
    if (!option && !may_be_value) return std::nullopt;  // another verb
    may_be_value = option && !words[i].contains('=');
  }
  return std::nullopt;
}

std::string label_of_tree(const LedgerEntry& tree) { return "holdfast.tree=" + tree.tag; }
std::string label_of_life(const LedgerEntry& tree) {
  return "holdfast.gateway=" + tree.gateway_id + '/' + tree.generation;
}

std::optional<Container> adopt_container(Command& command, const LedgerEntry& tree,
                                         const fs::path& directory) {
  const auto at = position_of_run(command);
  if (!at) return std::nullopt;
  const auto run = command.arguments.begin() + static_cast<std::ptrdiff_t>(*at);
  Container container{.tree = tree, .cli = command};
  container.cli.arguments.assign(command.arguments.begin(), run);
  if (*at > 0 && container.cli.arguments.back() == "container") container.cli.arguments.pop_back();
  container.cli.reads_nothing = true;
  const std::vector<std::string> ours{"--init",           "--cidfile",         cid_file(tree, directory),
                                      "--label",          label_of_tree(tree), "--label",
                                      label_of_life(tree)};
  command.arguments.insert(run + 1, ours.begin(), ours.end());
  return container;
}

// Parts that end in a zero: the tree as the ledger writes it, then one part a word, its first letter says
// what it is, then a full stop.
std::string encode(const Container& container) {
  std::string text = encode(container.tree) + '\0';
  const auto part = [&text](char kind, std::string_view word) {
    text.append(1, kind).append(word).append(1, '\0');
  };
  part('p', container.cli.program);
  part('d', container.cli.cwd);
  for (const auto& argument : container.cli.arguments) part('a', argument);
  for (const auto& variable : container.cli.environment)
    if (is_recorded(variable)) part('e', variable);
  text.append(kEnd).append(1, '\0');
  return text;
}

Result<Container> decode_container(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find('\0');
    if (end == std::string_view::npos) return fail(Errc::invalid, "container", "torn");
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (parts.size() < 2 || parts.back() != kEnd) return fail(Errc::invalid, "container", "torn");
  auto tree = decode(parts.front());
  if (!tree) return forward(tree);
  Container container{.tree = *std::move(tree), .cli = {}};
  container.cli.reads_nothing = true;
  for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
    const std::string word = parts[i].empty() ? parts[i] : parts[i].substr(1);
    switch (parts[i].empty() ? '\0' : parts[i].front()) {
      case 'p':
        container.cli.program = word;
        break;
      case 'd':
        container.cli.cwd = word;
        break;
      case 'a':
        container.cli.arguments.push_back(word);
        break;
      case 'e':
        if (!is_recorded(word)) return fail(Errc::invalid, "container", "a variable of no known name");
        container.cli.environment.push_back(word);
        break;
      default:
        return fail(Errc::invalid, "container", "a part of no known kind");
    }
  }
  if (!is_runtime(container.cli.program)) return fail(Errc::invalid, "container", "not a container runtime");
  return container;
}

Result<void> record(const Container& container, const fs::path& directory) {
  std::error_code ec;
  fs::create_directory(directory, ec);
  if (!ec) fs::permissions(directory, fs::perms::owner_all, ec);
  if (ec) return sys_error("mkdir", directory.native(), ec.value());
  auto written = os::write_file(record_file(container.tree, directory), encode(container));
  if (!written) forget(container, directory);  // no half of one
  return written;
}

void forget(const Container& container, const fs::path& directory) {
  std::error_code ignored;
  fs::remove(cid_file(container.tree, directory), ignored);
  fs::remove(record_file(container.tree, directory), ignored);  // last: what it says is true until then
}

bool has_cid(const Container& container, const fs::path& directory) {
  std::string id;
  std::ifstream(cid_file(container.tree, directory)) >> id;
  return id.size() >= kShortestId;
}

std::vector<Container> recorded(const fs::path& directory) {
  std::vector<Container> found;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() != ".container") continue;
    std::ostringstream text;
    text << std::ifstream(it->path()).rdbuf();
    auto container = decode_container(text.view());
    if (container && record_file(container->tree, directory) == it->path())
      found.push_back(*std::move(container));
    else
      log::error("container.unread",
                 {{"file", it->path().native()},
                  {"error", container ? "of another tree" : container.error().message()}});
  }
  return found;
}

Result<std::vector<std::string>> parse_ids(std::string_view text) {
  std::vector<std::string> ids;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const bool id = line.size() >= kShortestId && line.size() <= kLongestId &&
                    line.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!id) return fail(Errc::invalid, "container", "no id: " + std::string(line.substr(0, 40)));
    ids.emplace_back(line);
  }
  return ids;
}

}  // namespace holdfast::custody
