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

constexpr std::string_view kDurationPattern = "([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+|[0-9]+(\\.[0-9]+)?";

ordered_json any_of(std::initializer_list<ordered_json> forms) {
  ordered_json list = ordered_json::array();
  for (const ordered_json& form : forms) list.push_back(form);
  return {{"anyOf", std::move(list)}};
}
ordered_json list_of(const ordered_json& item) { return {{"type", "array"}, {"items", item}}; }
ordered_json one_or_list(const ordered_json& one) { return any_of({one, list_of(one)}); }
ordered_json map_of(const ordered_json& value) {
  return {{"type", "object"}, {"additionalProperties", value}};
}
ordered_json types(std::initializer_list<std::string_view> names) {
  if (names.size() == 1) return {{"type", *names.begin()}};
  ordered_json list = ordered_json::array();
  for (const std::string_view name : names) list.push_back(name);
  return {{"type", std::move(list)}};
}
// A number, or a text of this form.
ordered_json number_or(std::string_view pattern) {
  ordered_json out = types({"string", "number"});
  out["pattern"] = fmt::format("^({})$", pattern);
  return out;
}

std::string definition_name(Section section) {
  constexpr std::string_view kNames[] = {"top",       "server",   "stop", "restart", "limits",
                                         "tools",     "sharing",  "job",  "step",    "custody",
                                         "scheduler", "sessions", "auth"};
  return std::string(kNames[static_cast<std::size_t>(section)]);
}
ordered_json reference(Section section) { return {{"$ref", "#/definitions/" + definition_name(section)}}; }
// What stands beside a $ref is not read in draft 7, so that a description needs the wrapping.
ordered_json wrapped(Section section) { return {{"allOf", ordered_json::array({reference(section)})}}; }

ordered_json option_schema(const Option& option) {
  const ordered_json text = types({"string"});
  const ordered_json scalar = types({"string", "number", "boolean"});
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
      return number_or("[0-9]+([kKmMgGtT]?([iI]?[bB])?)");
    case Type::duration:
      return number_or(kDurationPattern);
    case Type::duration_or_off: {
      // `off` reads as false where YAML 1.1 lives on.
      ordered_json out = number_or(fmt::format("off|never|{}", kDurationPattern));
      return any_of({out, {{"const", false}}});
    }
    case Type::duration_range:
      return number_or(fmt::format("({0})(\\.\\.({0}))?", kDurationPattern));
    case Type::text_list:
      return one_or_list(scalar);
    case Type::command:
    case Type::listen:
    case Type::schedules:
      return one_or_list(text);
    case Type::text_map:
      return any_of({map_of(scalar), list_of(text)});
    case Type::section:
      return wrapped(option.nested);
    case Type::sharing:
      return any_of({{{"enum", ordered_json::array({"session", "shared"})}}, reference(option.nested)});
    case Type::steps: {
      ordered_json out = list_of(any_of({text, reference(option.nested)}));
      out["minItems"] = 1;
      return out;
    }
    case Type::json:
      return {{"type", "object"}};
    case Type::servers:
    case Type::jobs:
      return map_of(reference(option.nested));
    case Type::path:
    case Type::text:
      return text;
    case Type::ignored:
    case Type::unsupported:
      return ordered_json::object();
  }
  return ordered_json::object();
}

// The default with the type that the schema asks for.
ordered_json default_of(const Option& option) {
  if (option.type == Type::flag) return option.fallback == "true";
  if (option.type == Type::integer) return ordered_json::parse(option.fallback);
  return option.fallback;
}

ordered_json section_schema(Section section) {
  ordered_json properties = ordered_json::object();
  for (const Option& option : options()) {
    if (option.section != section) continue;
    ordered_json one = option_schema(option);
    one["description"] = option.doc;
    if (!option.fallback.empty()) one["default"] = default_of(option);
    properties[std::string(option.key)] = one;
    for (const std::string_view synonym : option.synonyms) properties[std::string(synonym)] = one;
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

}  // namespace

std::string options_as_json_schema() {
  ordered_json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                         {"title", "Holdfast's configuration"}};
  schema.update(section_schema(Section::top));
  ordered_json& definitions = schema["definitions"];
  for (const Section section : kSections)
    if (section != Section::top) definitions[definition_name(section)] = section_schema(section);
  return schema.dump(2) + "\n";
}

namespace {

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
