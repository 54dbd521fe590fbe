// What uvx would run, told from files: a tool that `uv tool install` put there. For anything else it makes or
// takes an environment of its cache, and which one follows from resolving anew, each time, all that the
// package depends on: only uv can tell.
#include <algorithm>
#include <array>
#include <ranges>

#include "base/mutant.h"
#include "gateway/launcher.h"

namespace holdfast::gateway::launcher {

namespace {

constexpr std::array kHarmlessOptions{"-q", "--quiet", "--offline", "--no-progress"};
// What is set here, and nothing else that begins with UV_, leaves the choice as it is.
constexpr std::array kHarmlessVariables{"UV_CACHE_DIR", "UV_HTTP_TIMEOUT", "UV_NO_CACHE",    "UV_NO_PROGRESS",
                                        "UV_OFFLINE",   "UV_TOOL_DIR",     "UV_TOOL_BIN_DIR"};

template <class List>
bool among(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

Certain<Pinned> read_arguments(const std::vector<std::string>& words) {
  std::string from;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    if (among(kHarmlessOptions, word)) continue;
    if (from.empty() && word == "--from" && at + 1 < words.size())
      from = words[++at];
    else if (from.empty() && word.starts_with("--from="))
      from = word.substr(7);
    else
      return unsure("the option " + word + " is not one that is understood here");
  }
  if (at == words.size()) return unsure("it names no package");
  const std::string& spec = from.empty() ? words[at] : from;
  Pinned out = split_spec(spec, spec.contains("==") ? "==" : "@");
  if (!is_plain_name(out.name) || !is_exact(out.version)) return unsure(spec + " names no exact version");
  out.program = from.empty() ? out.name : words[at];
  if (!is_plain_name(out.program)) return unsure(out.program + " is no plain name");
  out.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
  return out;
}

// As packages' names are compared: small letters, and one `separator` for each run of `-_.`.
std::string normal_name(std::string_view name, char separator) {
  std::string out;
  for (const char c : name) {
    if (c != '-' && c != '_' && c != '.')
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    else if (!out.ends_with(separator))
      out += separator;
  }
  return out;
}

// The folders of one, in the order of their names; what is not a folder, or cannot be looked at, has none.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (is_folder(it->path())) out.push_back(it->path());
  std::ranges::sort(out);
  return out;
}

// The package is in this environment at this version.
bool holds(const fs::path& environment, const Pinned& pinned) {
  if (!may_exist(environment / "pyvenv.cfg") || !is_elf(real_path(environment / "bin" / "python")))
    return false;
  const auto pythons = folders_in(environment / "lib");
  if (pythons.size() != 1) return false;
  const std::string own = normal_name(pinned.name, '_') + "-";
  for (const auto& folder : folders_in(pythons.front() / "site-packages"))
    if (const std::string name = folder.filename().string();
        name.starts_with(own) && name.ends_with(".dist-info"))
      return name == own + pinned.version + ".dist-info" || kSwitchedOff == Mechanism::pinned_version;
  return false;
}

// A setting that chooses among what is installed may stand in any of these.
std::string configured(const custody::Command& written, const fs::path& home) {
  const std::string users = variable(written.environment, "XDG_CONFIG_HOME");
  const fs::path own = (users.empty() ? home / ".config" : fs::path(users)) / "uv";
  std::vector<fs::path> files{own / "uv.toml", own / ".python-version", "/etc/uv/uv.toml"};
  const std::string of_all = variable(written.environment, "XDG_CONFIG_DIRS");
  for (const auto folder : std::views::split(of_all.empty() ? std::string_view("/etc/xdg") : of_all, ':'))
    files.push_back(fs::path(std::string_view(folder)) / "uv" / "uv.toml");
  for (const fs::path& file : files)
    if (may_exist(file)) return file.string() + " may change what uvx runs";
  for (const std::string& line : written.environment)
    if (line.starts_with("UV_") && !among(kHarmlessVariables, line.substr(0, line.find('='))))
      return line.substr(0, line.find('=')) + " may change what uvx runs";
  return {};
}

// A folder of uv's: by its own variable, else below the one that XDG knows.
fs::path folder_of(const custody::Command& written, const char* own, const char* xdg,
                   const fs::path& otherwise, const char* below) {
  if (const std::string set = variable(written.environment, own); !set.empty()) return set;
  const std::string base = variable(written.environment, xdg);
  return (base.empty() ? otherwise : fs::path(base)) / below;
}

// Installed without options: uvx compares them with its own, and takes another environment if they differ.
bool is_plain_tool(const fs::path& environment) {
  const auto receipt = text_of(environment / "uv-receipt.toml");
  return receipt && !receipt->contains("[tool.options]");
}

}  // namespace

Certain<custody::Command> resolve_uvx(const custody::Command& written) {
  const auto pinned = read_arguments(written.arguments);
  if (!pinned) return unsure(pinned.error());
  const auto uvx = find_program(written, written.program);
  const fs::path real = uvx ? real_path(*uvx) : fs::path(), uv = real.parent_path() / "uv";
  if (real.filename() != "uvx" || !is_elf(real) || !is_elf(uv)) return unsure("this uvx is not uv's own");
  const fs::path home = variable(written.environment, "HOME");
  if (!home.is_absolute()) return unsure("HOME is not set");
  if (auto why = configured(written, home); !why.empty()) return unsure(std::move(why));

  const fs::path environment =
      folder_of(written, "UV_TOOL_DIR", "XDG_DATA_HOME", home / ".local" / "share", "uv/tools") /
      normal_name(pinned->name, '-');
  if (!is_plain_tool(environment) || !holds(environment, *pinned))
    return unsure("uv has no tool " + pinned->spec + " (`uv tool install` makes one)");
  const fs::path program = environment / "bin" / pinned->program;
  if (!program.is_absolute() || !is_program(program)) return unsure(program.string() + " is no program");
  custody::Command direct = written;
  direct.program = program.string();
  direct.arguments = pinned->arguments;
  prepend_path(direct.environment, {environment / "bin"});
  set_variable(direct.environment, "UV", uv.string());
  return direct;
}

}  // namespace holdfast::gateway::launcher
