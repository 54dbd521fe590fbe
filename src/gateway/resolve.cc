#include "gateway/resolve.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_depth.h"
#include "custody/resolve.h"
#include "gateway/launcher.h"
#include "os/process.h"
#include "os/regular_file.h"

namespace holdfast::gateway {

namespace launcher {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string head_of(const fs::path& path) {
  char head[4] = {};
  const auto size = os::read_regular_file(path.c_str(), head);
  return {head, size.value_or(0)};
}

}  // namespace

Pinned split_spec(std::string_view spec, std::string_view mark) {
  Pinned out{.spec = std::string(spec), .name = {}, .version = {}, .program = {}, .arguments = {}};
  const auto at = spec.rfind(mark);
  if (at == std::string_view::npos || at == 0) return out;
  out.name = spec.substr(0, at);
  out.version = spec.substr(at + mark.size());
  return out;
}

bool is_exact(std::string_view version) {
  const auto dots = std::ranges::count(version.substr(0, version.find_first_of("-+")), '.');
  return dots >= 1 && !version.empty() && is_digit(version.front()) && version.back() != '.' &&
         std::ranges::all_of(version,
                             [](char c) { return is_digit(c) || is_letter(c) || c == '.' || c == '-'; });
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && (is_letter(name.front()) || is_digit(name.front())) &&
         std::ranges::all_of(
             name, [](char c) { return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_'; });
}

std::string variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view line : environment)
    if (line.starts_with(name) && line.substr(name.size()).starts_with('='))
      return std::string(line.substr(name.size() + 1));
  return {};
}

void set_variable(std::vector<std::string>& environment, std::string_view name, std::string_view value) {
  std::erase_if(environment, [&](std::string_view line) {
    return line.starts_with(name) && line.substr(name.size()).starts_with('=');
  });
  environment.push_back(std::string(name).append("=").append(value));
}

void prepend_path(std::vector<std::string>& environment, const std::vector<fs::path>& folders) {
  std::string path;
  for (const auto& folder : folders) path.append(folder.string()).append(":");
  set_variable(environment, "PATH", path + variable(environment, "PATH"));
}

std::optional<fs::path> find_program(const custody::Command& command, std::string_view name) {
  if (name.contains('/')) {
    const fs::path given(name);
    return given.is_absolute() && os::is_executable(given.c_str()) ? std::optional(given) : std::nullopt;
  }
  std::string search = variable(command.environment, "PATH");
  if (search.empty()) search = custody::kDefaultPath;
  for (std::size_t from = 0; from <= search.size();) {
    const auto to = std::min(search.find(':', from), search.size());
    const fs::path folder = search.substr(from, to - from);
    if (!folder.is_absolute()) return std::nullopt;  // another one for each folder that it is asked from
    if (auto file = folder / name; os::is_executable(file.c_str())) return file;
    from = to + 1;
  }
  return std::nullopt;
}

fs::path real_path(const fs::path& path) {
  std::error_code ec;
  auto real = fs::canonical(path, ec);
  return ec ? fs::path() : real;
}

bool may_exist(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec) || ec;  // what cannot be looked at may be there
}

bool is_folder(const fs::path& path) {
  std::error_code ec;
  return fs::is_directory(path, ec);
}

bool is_elf(const fs::path& path) {
  return head_of(path) ==
         "\x7f"
         "ELF";
}

bool is_program(const fs::path& path) {
  return os::is_executable(path.c_str()) && (is_elf(path) || head_of(path).starts_with("#!"));
}

std::optional<std::string> text_of(const fs::path& path, std::size_t most) {
  std::string text(most + 1, '\0');
  const auto size = os::read_regular_file(path.c_str(), text);
  if (!size || *size > most) return std::nullopt;
  text.resize(*size);
  return text;
}

std::optional<nlohmann::ordered_json> json_of(const fs::path& path) {
  const auto text = text_of(path);
  if (!text || deeper_than(*text)) return std::nullopt;
  auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

}  // namespace launcher

bool is_launcher(std::string_view program) {
  const auto name = program.substr(program.rfind('/') + 1);  // npos + 1 is 0
  return name == "npx" || name == "uvx";
}

Launch resolve(custody::Command written) {
  const bool npx = written.program.ends_with("npx");
  auto found = npx ? launcher::resolve_npx(written) : launcher::resolve_uvx(written);
  if (!found) return {.command = std::move(written), .direct = false, .how = std::move(found.error())};
  std::string program = found->program;
  return {.command = std::move(*found), .direct = true, .how = std::move(program)};
}

}  // namespace holdfast::gateway
