// What npx would run (npm's libnpmexec, versions 9 to 11), told from files.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/mutant.h"
#include "gateway/launcher.h"

namespace holdfast::gateway::launcher {

namespace {

using Json = nlohmann::ordered_json;

// What changes how a package is fetched and what is said meanwhile, and never which one is run.
constexpr std::array kHarmlessOptions{"-y",      "--yes",     "--no-install",    "-q",
                                      "--quiet", "--offline", "--prefer-offline"};
constexpr std::array kHarmlessSettings{"_auth",
                                       "always-auth",
                                       "audit",
                                       "ca",
                                       "cafile",
                                       "cert",
                                       "color",
                                       "email",
                                       "engine-strict",
                                       "fetch-retries",
                                       "fetch-retry-factor",
                                       "fetch-retry-maxtimeout",
                                       "fetch-retry-mintimeout",
                                       "fetch-timeout",
                                       "fund",
                                       "https-proxy",
                                       "http-proxy",
                                       "key",
                                       "loglevel",
                                       "logs-max",
                                       "maxsockets",
                                       "nodedir",
                                       "noproxy",
                                       "offline",
                                       "omit-lockfile-registry-resolved",
                                       "prefer-offline",
                                       "prefer-online",
                                       "progress",
                                       "proxy",
                                       "python",
                                       "registry",
                                       "save",
                                       "save-exact",
                                       "save-prefix",
                                       "strict-ssl",
                                       "update-notifier",
                                       "yes"};

bool is_package_name(std::string_view name) {
  if (!name.starts_with('@')) return is_plain_name(name);
  const auto slash = name.find('/');
  return slash != std::string_view::npos && is_plain_name(name.substr(1, slash - 1)) &&
         is_plain_name(name.substr(slash + 1));
}

Certain<Pinned> read_arguments(const std::vector<std::string>& words) {
  std::string package;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (std::ranges::find(kHarmlessOptions, word) != kHarmlessOptions.end()) continue;
    const auto equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const bool names_package = (key == "-p" || key == "--package") && package.empty();
    if (!names_package || (equals == std::string::npos && at + 1 == words.size()))
      return unsure("the option " + word + " is not one that is understood here");
    package = equals == std::string::npos ? words[++at] : word.substr(equals + 1);
  }
  if (at == words.size()) return unsure("it names no package");
  Pinned out = split_spec(package.empty() ? words[at] : package, "@");
  if (!is_package_name(out.name) || !is_exact(out.version))
    return unsure(out.spec + " names no exact version");
  if (!package.empty()) {
    out.program = words[at];
    if (!is_plain_name(out.program)) return unsure(out.program + " is no plain name");
  }
  out.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
  return out;
}

std::string text_member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// npm itself, and the node that it would run by.
struct Npm {
  fs::path root, node;
  int major = 0;
};

Certain<Npm> find_npm(const custody::Command& written) {
  const auto npx = find_program(written, written.program);
  const fs::path script = npx ? real_path(*npx) : fs::path();
  if (script.filename() != "npx-cli.js") return unsure("this npx is not npm's own");
  const auto text = text_of(script);
  const auto node = find_program(written, "node");
  if (!text || !text->starts_with("#!/usr/bin/env node\n") || !node || !is_elf(real_path(*node)))
    return unsure("it is not certain by which node this npx is run");
  Npm npm{.root = script.parent_path().parent_path(), .node = real_path(*node)};
  const auto manifest = json_of(npm.root / "package.json");
  const std::string version = manifest ? text_member(*manifest, "version") : std::string();
  (void)std::from_chars(version.data(), version.data() + version.size(), npm.major);
  if (npm.major < 9 || npm.major > 11)
    return unsure("npm " + version + " may look elsewhere than 9 to 11 do");
  return npm;
}

// npm's settings that decide where it looks. Of several that say the same the first one counts.
class Settings {
 public:
  explicit Settings(std::string home) : home_(std::move(home)) {}

  void take_environment(const std::vector<std::string>& environment) {
    constexpr std::string_view kPrefix = "npm_config_";
    for (const std::string& line : environment) {
      const auto equals = line.find('=');
      std::string key = line.substr(0, equals);
      if (key == "PREFIX" || key == "DESTDIR") fault_ = key + " is set";
      std::ranges::transform(key, key.begin(), [](unsigned char c) { return std::tolower(c); });
      if (!key.starts_with(kPrefix) || equals + 1 == line.size()) continue;
      key.erase(0, kPrefix.size());
      if (!key.empty()) std::replace(key.begin() + 1, key.end(), '_', '-');
      take(key, line.substr(equals + 1), "the environment");
    }
  }

  void take_file(const fs::path& file) {
    if (!may_exist(file)) return;
    const auto text = text_of(file);
    if (!text) fault_ = file.string() + " cannot be read";
    for (std::size_t from = 0; text && from < text->size();) {
      const auto to = std::min(text->find('\n', from), text->size());
      const std::string line = trimmed(std::string_view(*text).substr(from, to - from));
      from = to + 1;
      if (line.empty() || line.starts_with(';') || line.starts_with('#')) continue;
      const auto equals = line.find('=');
      take(trimmed(std::string_view(line).substr(0, equals)),
           equals == std::string::npos ? "true" : trimmed(std::string_view(line).substr(equals + 1)),
           file.string());
    }
  }

  // An absolute path; `otherwise` if nothing sets it.
  fs::path path(const std::string& key, const fs::path& otherwise) {
    const auto it = values_.find(key);
    if (it == values_.end()) return otherwise;
    fs::path value = it->second.starts_with("~/") ? home_ + it->second.substr(1) : it->second;
    if (!value.is_absolute() || it->second.find_first_of("$\"'") != std::string::npos)
      fault_ = "npm's setting " + key + " is not understood";
    return value;
  }
  [[nodiscard]] bool moves() const { return !values_.empty(); }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  static std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    return first == std::string_view::npos
               ? std::string()
               : std::string(text.substr(first, text.find_last_not_of(" \t\r") + 1 - first));
  }
  void take(const std::string& key, std::string value, const std::string& where) {
    if (key.starts_with('@') || key.starts_with("//") ||
        std::ranges::find(kHarmlessSettings, key) != kHarmlessSettings.end())
      return;
    if (key == "prefix" || key == "cache" || key == "globalconfig")
      values_.try_emplace(key, std::move(value));
    else
      fault_ = "npm's setting " + key + " (" + where + ") may change what it runs";
  }

  std::string home_;
  std::map<std::string, std::string> values_;
  std::string fault_;
};

struct Places {
  fs::path prefix, cache;
};

Certain<Places> places_of(const custody::Command& written, const Npm& npm, const fs::path& project) {
  const std::string home = variable(written.environment, "HOME");
  if (!fs::path(home).is_absolute()) return unsure("HOME is not set");
  const fs::path own = project / ".npmrc", users = fs::path(home) / ".npmrc";
  Settings settings(home), projects(home);
  projects.take_file(own);
  if (own != users && (projects.moves() || !projects.fault().empty()))
    return unsure(own.string() + " may change what npx runs");
  settings.take_environment(written.environment);
  settings.take_file(users);
  const fs::path first_prefix = npm.node.parent_path().parent_path();
  Settings builtin(home);
  builtin.take_file(npm.root / "npmrc");
  const fs::path prefix_so_far = settings.path("prefix", builtin.path("prefix", first_prefix));
  settings.take_file(
      settings.path("globalconfig", builtin.path("globalconfig", prefix_so_far / "etc" / "npmrc")));
  settings.take_file(npm.root / "npmrc");
  Places places{.prefix = settings.path("prefix", first_prefix),
                .cache = settings.path("cache", fs::path(home) / ".npm")};
  if (!settings.fault().empty()) return unsure(settings.fault());
  if (!builtin.fault().empty()) return unsure(builtin.fault());
  return places;
}

// package.json of `pinned` in a node_modules folder; nullopt: it is not there, or at another version.
std::optional<Json> manifest_in(const fs::path& modules, const Pinned& pinned) {
  auto manifest = json_of(modules / pinned.name / "package.json");
  const bool same =
      manifest && text_member(*manifest, "name") == pinned.name &&
      (text_member(*manifest, "version") == pinned.version || kSwitchedOff == Mechanism::pinned_version);
  return same ? std::move(manifest) : std::nullopt;
}

// The name of the program that npx takes from a package.json, and the file in the package that it is.
Certain<std::pair<std::string, fs::path>> program_of(const Json& manifest, const Pinned& pinned) {
  const std::string own = pinned.name.substr(pinned.name.rfind('/') + 1);
  std::vector<std::pair<std::string, std::string>> bins;
  const auto bin = manifest.find("bin");
  if (bin != manifest.end() && bin->is_string()) bins.emplace_back(own, bin->get<std::string>());
  if (bin != manifest.end() && bin->is_object())
    for (const auto& [name, file] : bin->items()) {
      if (!is_plain_name(name) || !file.is_string())
        return unsure("its package.json names programs in another way");
      bins.emplace_back(name, file.get<std::string>());
    }
  if (bins.empty()) return unsure("its package.json names no program");
  const bool all_one =
      std::ranges::all_of(bins, [&](const auto& one) { return one.second == bins.front().second; });
  const std::string wanted = !pinned.program.empty() ? pinned.program : all_one ? bins.front().first : own;
  const auto chosen = std::ranges::find(bins, wanted, [](const auto& one) { return one.first; });
  if (chosen == bins.end()) return unsure(wanted + " is no program of its own");
  return std::pair(wanted, fs::path(chosen->second));
}

// Where a package is installed, and the folder in which its programs are found first.
struct Place {
  fs::path modules, bins;
  bool in_path = true;  // the folder comes first in PATH by itself, without npx's doing
};

Certain<custody::Command> run_from(const Place& place, const custody::Command& written, const Pinned& pinned,
                                   const Json& manifest, const Npm& npm, const fs::path& cwd) {
  const auto program = program_of(manifest, pinned);
  if (!program) return unsure(program.error());
  std::vector<fs::path> above;  // as npm's run-script has them
  for (fs::path at = cwd;; at = at.parent_path()) {
    above.push_back(at / "node_modules" / ".bin");
    if (at == at.root_path()) break;
  }
  fs::path file = place.bins / program->first;
  if (place.in_path)
    for (const auto& folder : above)
      if (may_exist(folder / program->first)) {
        file = folder / program->first;
        break;
      }
  const fs::path real = real_path(file);
  if (real.empty() || real != real_path(place.modules / pinned.name / program->second) || !is_program(file))
    return unsure(file.string() + " is not the program of " + pinned.spec);
  custody::Command direct = written;
  direct.program = file.string();
  direct.arguments = pinned.arguments;
  if (!place.in_path) above.insert(above.begin(), place.bins);
  auto& environment = direct.environment;
  prepend_path(environment, above);
  set_variable(environment, "INIT_CWD", cwd.string());
  set_variable(environment, "PWD", cwd.string());
  set_variable(environment, "NODE", npm.node.string());
  set_variable(environment, "npm_node_execpath", npm.node.string());
  set_variable(environment, "npm_execpath", (npm.root / "bin" / "npm-cli.js").string());
  set_variable(environment, "npm_command", "exec");
  set_variable(environment, "npm_lifecycle_event", "npx");
  set_variable(environment, "npm_package_json", (cwd / "package.json").string());
  return direct;
}

// The project whose packages npx would take first: the nearest folder with a package.json or node_modules.
// Empty: none.
Certain<fs::path> project_of(const fs::path& cwd) {
  fs::path project;
  for (fs::path at = cwd;; at = at.parent_path()) {
    const fs::path file = at / "package.json";
    if (project.empty() && (may_exist(file) || is_folder(at / "node_modules"))) project = at;
    if (may_exist(file)) {
      const auto manifest = json_of(file);
      if (!manifest || manifest->contains("workspaces"))
        return unsure(file.string() + " may have workspaces");
    }
    if (at == at.root_path()) break;
  }
  return project;
}

std::string cache_name(std::string_view spec) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(spec.data(), spec.size(), digest, &size, EVP_sha512(), nullptr) != 1) return "-";
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string name;
  for (int i = 0; i < 8; ++i) name += {kHex[digest[i] >> 4U], kHex[digest[i] & 15U]};
  return name;
}

}  // namespace

Certain<custody::Command> resolve_npx(const custody::Command& written) {
  const auto pinned = read_arguments(written.arguments);
  if (!pinned) return unsure(pinned.error());
  const auto npm = find_npm(written);
  if (!npm) return unsure(npm.error());
  const fs::path cwd = real_path(written.cwd.empty() ? "/" : written.cwd);
  if (cwd.empty()) return unsure("its folder is not there");
  const auto project = project_of(cwd);
  if (!project) return unsure(project.error());
  const auto places = places_of(written, *npm, project->empty() ? cwd : *project);
  if (!places) return unsure(places.error());

  const bool by_package =
      pinned->program.empty();  // then it looks for a program of the whole spec's name as well
  const fs::path global = places->prefix / "lib" / "node_modules", global_bins = places->prefix / "bin";
  if (by_package && may_exist(global_bins / pinned->spec))
    return unsure((global_bins / pinned->spec).string() + " exists");
  if (!project->empty()) {
    const fs::path modules = *project / "node_modules";
    for (fs::path at = *project; by_package; at = at.parent_path()) {
      if (may_exist(at / "node_modules" / ".bin" / pinned->spec))
        return unsure("a program has that very name");
      if (at == at.root_path()) break;
    }
    const auto root = json_of(*project / "package.json");
    const auto manifest = manifest_in(modules, *pinned);
    if (!manifest || (root && (text_member(*root, "name") == pinned->name || root->contains("bin"))))
      return unsure("npx asks the packages of " + project->string() + " first");
    return run_from({.modules = modules, .bins = modules / ".bin"}, written, *pinned, *manifest, *npm, cwd);
  }
  if (const auto manifest = manifest_in(global, *pinned); manifest && by_package)
    return run_from({.modules = global, .bins = global_bins, .in_path = false}, written, *pinned, *manifest,
                    *npm, cwd);

  const fs::path install = places->cache / "_npx" / cache_name(pinned->spec),
                 modules = install / "node_modules";
  const auto manifest = manifest_in(modules, *pinned);
  if (!manifest || !may_exist(modules / ".package-lock.json") || may_exist(install / "concurrency.lock"))
    return unsure(pinned->spec + " is not installed yet");
  if (npm->major == 9 && by_package)  // it looks deeper among the global packages than later ones do
    if (const auto program = program_of(*manifest, *pinned);
        program && may_exist(global_bins / program->first))
      return unsure((global_bins / program->first).string() + " may come first");
  return run_from({.modules = modules, .bins = modules / ".bin", .in_path = false}, written, *pinned,
                  *manifest, *npm, cwd);
}

}  // namespace holdfast::gateway::launcher
