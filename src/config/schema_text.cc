// What the table says, for people and for editors.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/schema.h"

namespace holdfast::config {
namespace {

using nlohmann::ordered_json;

constexpr Section kSections[] = {Section::top,    Section::server,  Section::stop,      Section::restart,
                                 Section::limits, Section::tools,   Section::sharing,   Section::job,
                                 Section::step,   Section::custody, Section::scheduler, Section::sessions,
                                 Section::auth};

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

ordered_json one_or_list(ordered_json one) { return {{"anyOf", {one, {{"type", "array"}, {"items", one}}}}}; }

ordered_json section_schema(Section section);

ordered_json option_schema(const Option& option) {
  const ordered_json text = {{"type", "string"}};
  const ordered_json scalar = {{"type", {"string", "number", "boolean"}}};
  const ordered_json duration = {{"type", {"string", "number"}}};
  switch (option.type) {
    case Type::flag:
      return {{"type", "boolean"}};
    case Type::choice:
      return {{"enum", option.choices}};
    case Type::integer:
      return {{"type", "integer"}, {"minimum", option.least}, {"maximum", option.most}};
    case Type::percent:
      return {{"type", "string"}, {"pattern", "^[0-9]+%$"}};
    case Type::size:
      return duration;
    case Type::duration:
      return {{"type", {"string", "number"}}, {"pattern", "^([0-9.]+(ms|s|m|h|d)?)+$"}};
    case Type::duration_or_off:
      return {{"type", {"string", "number"}}, {"pattern", "^(off|([0-9.]+(ms|s|m|h|d)?)+)$"}};
    case Type::duration_range:
      return {{"type", {"string", "number"}}};
    case Type::text_list:
      return one_or_list(scalar);
    case Type::command:
    case Type::listen:
    case Type::schedules:
      return one_or_list(text);
    case Type::text_map:
      return {
          {"anyOf",
           {{{"type", "object"}, {"additionalProperties", scalar}}, {{"type", "array"}, {"items", text}}}}};
    case Type::section:
      return section_schema(option.nested);
    case Type::sharing:
      return {{"anyOf", {{{"enum", {"session", "shared"}}}, section_schema(option.nested)}}};
    case Type::steps:
      return {
          {"type", "array"}, {"minItems", 1}, {"items", {{"anyOf", {text, section_schema(option.nested)}}}}};
    case Type::json:
      return {{"type", "object"}};
    case Type::servers:
    case Type::jobs:
      return {{"type", "object"}, {"additionalProperties", section_schema(option.nested)}};
    case Type::path:
    case Type::text:
      return text;
    case Type::ignored:
    case Type::unsupported:
      return ordered_json::object();
  }
  return ordered_json::object();
}

ordered_json section_schema(Section section) {
  ordered_json properties = ordered_json::object();
  for (const Option& option : options()) {
    if (option.section != section) continue;
    ordered_json one = option_schema(option);
    one["description"] = option.doc;
    if (!option.fallback.empty()) one["default"] = option.fallback;
    for (const std::string_view synonym : option.synonyms) properties[std::string(synonym)] = one;
    properties[std::string(option.key)] = std::move(one);
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

}  // namespace

std::string options_as_json_schema() {
  ordered_json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                         {"title", "Holdfast's configuration"}};
  schema.update(section_schema(Section::top));
  return schema.dump(2) + "\n";
}

std::string options_as_markdown() {
  std::string out =
      "# Configuration\n\n"
      "One file in YAML (JSON is YAML; comments in JSON are read). Any file with `mcpServers` loads "
      "unchanged; "
      "`mcp_servers`, `servers` and `mcp.servers` are read too. This page is written from the table of "
      "options in "
      "`src/config/schema.cc`.\n\n"
      "- Durations: `500ms` `30s` `10m` `24h` `7d`; a plain number is seconds. Sizes: `512M` `2G`.\n"
      "- Variables: `${VAR}`, `${VAR:-default}` (unset or empty takes the default), `${env:VAR}`, "
      "`${userHome}`. A bare "
      "`$VAR` is text, and `$${` stands for the characters `${`. An entry whose variable is unset and has no "
      "default is "
      "not started; `holdfast check` exits 78.\n"
      "- `~` and relative paths and commands resolve against the folder of the file.\n"
      "- An unknown key is a warning, a wrong value an error, each with file, line and column; all are "
      "reported at once. "
      "Keys may be written in snake_case. Keys at the top that begin with `x-` are left alone, for "
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
                         cell(option.doc));
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
      out += fmt::format("  {}{}\n      {}\n      {}\n", option.key,
                         option.fallback.empty() ? "" : fmt::format(" = {}", option.fallback), option.doc,
                         expectation(option));
    }
  }
  return out;
}

}  // namespace holdfast::config
