// What the readers of npx and uvx command lines share: looking at a command's world as its launcher would.
// Internal to gateway/resolve.
#pragma once

#include <expected>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "custody/types.h"

namespace holdfast::gateway::launcher {

namespace fs = std::filesystem;

// The value, or why it is not certain, in words that follow a colon.
template <class T>
using Certain = std::expected<T, std::string>;
inline std::unexpected<std::string> unsure(std::string why) { return std::unexpected(std::move(why)); }

// A package at one exact version, and what its launcher is to run of it.
struct Pinned {
  std::string spec;  // as written: name@version or name==version
  std::string name, version;
  std::string program;  // empty: the package's own
  std::vector<std::string> arguments;
};
// Its parts around `mark`, which stands last in it. Empty name: it is no name with a version.
Pinned split_spec(std::string_view spec, std::string_view mark);
// Three numbers or more and perhaps letters behind; no range, no tag.
bool is_exact(std::string_view version);
// Neither a path nor an option, nor anything that a shell or a launcher reads in another way.
bool is_plain_name(std::string_view name);

// Of "NAME=value" lines; empty: unset.
std::string variable(const std::vector<std::string>& environment, std::string_view name);
void set_variable(std::vector<std::string>& environment, std::string_view name, std::string_view value);
// Puts `folders` before what PATH has.
void prepend_path(std::vector<std::string>& environment, const std::vector<fs::path>& folders);

// As execvp would find it, by a PATH of absolute folders.
std::optional<fs::path> find_program(const custody::Command& command, std::string_view name);
// With all links followed; empty: it is not there.
fs::path real_path(const fs::path& path);
bool may_exist(const fs::path& path);  // or cannot be looked at
bool is_folder(const fs::path& path);
// May be executed, and says by what: an ELF file, or a script that names its interpreter.
bool is_program(const fs::path& path);
bool is_elf(const fs::path& path);
// The beginning of a regular file; nullopt: there is none that can be read, or it is longer than `most`.
std::optional<std::string> text_of(const fs::path& path, std::size_t most = 1U << 20);
// nullopt: not there, no JSON, no object, or too deep.
std::optional<nlohmann::ordered_json> json_of(const fs::path& path);

Certain<custody::Command> resolve_npx(const custody::Command& written);
Certain<custody::Command> resolve_uvx(const custody::Command& written);

}  // namespace holdfast::gateway::launcher
