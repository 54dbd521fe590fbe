// What the table says, for people.
#include <fmt/format.h>

#include "config/schema.h"

namespace holdfast::config {
namespace {

constexpr Section kSections[] = {Section::top,    Section::server,  Section::stop,      Section::restart,
                                 Section::limits, Section::tools,   Section::sharing,   Section::job,
                                 Section::step,   Section::custody, Section::scheduler, Section::sessions,
                                 Section::auth,   Section::tls,     Section::http,      Section::audit};

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string meaning(const Option& option) {
  return cell(option.doc) + (option.later ? " *No effect in this version, which a warning says.*" : "");
}

}  // namespace

std::string options_as_markdown() {
  std::string out =
      "# Configuration\n\n"
      "One file in YAML (JSON is YAML; comments in JSON are read). Any file with `mcpServers` loads "
      "unchanged; `mcp_servers`, `servers` and `mcp.servers` are read too. This page is written from the "
      "table of "
      "options in `src/config/schema.cc`.\n\n"
      "- Durations: `500ms` `30s` `10m` `24h` `7d`; a plain number is seconds. Sizes: `512M` `2G`.\n"
      "- Variables: `${VAR}`, `${VAR:-default}` (unset or empty takes the default), `${env:VAR}`, "
      "`${userHome}`. A bare `$VAR` is text, and `$${` stands for the characters `${`. An entry whose "
      "variable is unset and has no "
      "default is not started; `holdfast check` exits 78.\n"
      "- `~` and relative paths and commands resolve against the folder of the file.\n"
      "- An unknown key is a warning, a wrong value an error, each with file, line and column; all are "
      "reported at once. Keys may be written in snake_case. Keys at the top that begin with `x-` are left "
      "alone, for "
      "anchors.\n";
  for (const Section section : kSections) {
    out += fmt::format("\n## {}\n\n| key | default | expected | meaning |\n|---|---|---|---|\n",
                       section_title(section));
    for (const Option& option : options()) {
      if (option.section != section) continue;
      std::string key = fmt::format("`{}`", option.key);
      for (const std::string_view synonym : option.synonyms) key += fmt::format(", `{}`", synonym);
      const bool read = option.type != Type::ignored && option.type != Type::unsupported;
      out += fmt::format("| {} | {} | {} | {} |\n", key,
                         option.fallback.empty() ? "" : fmt::format("`{}`", option.fallback),
                         read                           ? cell(expectation(option))
                         : option.type == Type::ignored ? "ignored"
                                                        : "no effect, a warning",
                         meaning(option));
    }
  }
  return out;
}

std::string options_as_text() {
  std::string out;
  for (const Section section : kSections) {
    out += fmt::format("{}{}\n", out.empty() ? "" : "\n", section_title(section));
    for (const Option& option : options()) {
      if (option.section != section || option.type == Type::ignored || option.type == Type::unsupported)
        continue;
      out +=
          fmt::format("  {}{}\n      {}\n      {}\n", option.key,
                      option.fallback.empty() ? "" : fmt::format(" = {}", option.fallback),
                      option.later ? fmt::format("{} (no effect in this version)", option.doc) : option.doc,
                      expectation(option));
    }
  }
  return out;
}

}  // namespace holdfast::config
