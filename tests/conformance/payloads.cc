#include "payloads.h"

namespace conformance {
namespace {

constexpr const char* kPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";
constexpr const char* kWav = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQgAAAAAAAAAAAAAAA==";

constexpr std::string_view kTemplateHead = "test://template/", kTemplateTail = "/data";

json tool(std::string_view name, std::string_view description, json properties = json::object()) {
  json schema = {{"type", "object"}};
  for (const auto& [property, ignored] : properties.items()) schema["required"].push_back(property);
  if (!properties.empty()) schema["properties"] = std::move(properties);
  return {{"name", name}, {"description", description}, {"inputSchema", std::move(schema)}};
}

json string_property(std::string_view description) {
  return {{"type", "string"}, {"description", description}};
}

json dialect_tool() {
  return {{"name", "json_schema_2020_12_tool"},
          {"description", "Tool with JSON Schema 2020-12 features"},
          {"inputSchema", json::parse(R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {
    "address": {
      "$anchor": "addressDef",
      "type": "object",
      "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
    }
  },
  "properties": {
    "name": {"type": "string"},
    "address": {"$ref": "#/$defs/address"},
    "contactMethod": {"type": "string", "enum": ["phone", "email"]},
    "phone": {"type": "string"},
    "email": {"type": "string"}
  },
  "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
  "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
  "then": {"required": ["phone"]},
  "else": {"required": ["email"]},
  "additionalProperties": false
})")}};
}

}  // namespace

json tools() {
  return {
      tool("test_simple_text", "Answers with text"),
      tool("test_image_content", "Answers with an image"),
      tool("test_audio_content", "Answers with audio"),
      tool("test_embedded_resource", "Answers with an embedded resource"),
      tool("test_multiple_content_types", "Answers with text, an image and a resource"),
      tool("test_tool_with_logging", "Logs three messages while it runs"),
      tool("test_error_handling", "Always fails"),
      tool("test_tool_with_progress", "Reports progress three times"),
      tool("test_sampling", "Asks the client's model",
           {{"prompt", string_property("The prompt to send to the model")}}),
      tool("test_elicitation", "Asks the user",
           {{"message", string_property("The message to show the user")}}),
      tool("test_elicitation_sep1034_defaults", "Asks the user by a form with defaults"),
      tool("test_elicitation_sep1330_enums", "Asks the user by a form with every kind of choice"),
      tool("test_reconnection", "Answers late enough for the stream to be closed and resumed meanwhile"),
      dialect_tool(),
  };
}

json resources() {
  return json::parse(R"([
  {"uri": "test://static-text", "name": "Static text", "description": "A text that never changes", "mimeType": "text/plain"},
  {"uri": "test://static-binary", "name": "Static binary", "description": "An image that never changes", "mimeType": "image/png"},
  {"uri": "test://watched-resource", "name": "Watched resource", "description": "Changes while somebody watches", "mimeType": "text/plain"}
])");
}

json resource_templates() {
  return json::parse(R"([
  {"uriTemplate": "test://template/{id}/data", "name": "Template", "description": "Data for any id", "mimeType": "application/json"}
])");
}

json prompts() {
  return json::parse(R"([
  {"name": "test_simple_prompt", "description": "A prompt without arguments"},
  {"name": "test_prompt_with_arguments", "description": "A prompt with two arguments", "arguments": [
    {"name": "arg1", "description": "First test argument", "required": true},
    {"name": "arg2", "description": "Second test argument", "required": true}]},
  {"name": "test_prompt_with_embedded_resource", "description": "A prompt with a resource in it", "arguments": [
    {"name": "resourceUri", "description": "URI of the resource to embed", "required": true}]},
  {"name": "test_prompt_with_image", "description": "A prompt with an image in it"}
])");
}

json person_schema() {
  return json::parse(R"({
  "type": "object",
  "properties": {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"}
  },
  "required": ["username", "email"]
})");
}

json defaults_schema() {
  return json::parse(R"({
  "type": "object",
  "properties": {
    "name": {"type": "string", "description": "User name", "default": "John Doe"},
    "age": {"type": "integer", "description": "User age", "default": 30},
    "score": {"type": "number", "description": "User score", "default": 95.5},
    "status": {"type": "string", "description": "User status", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "description": "Verification status", "default": true}
  },
  "required": []
})");
}

json enums_schema() {
  return json::parse(R"({
  "type": "object",
  "properties": {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": [
      {"const": "value1", "title": "First Option"},
      {"const": "value2", "title": "Second Option"},
      {"const": "value3", "title": "Third Option"}]},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
      "enumNames": ["Option One", "Option Two", "Option Three"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
    "titledMulti": {"type": "array", "items": {"anyOf": [
      {"const": "value1", "title": "First Choice"},
      {"const": "value2", "title": "Second Choice"},
      {"const": "value3", "title": "Third Choice"}]}}
  },
  "required": []
})");
}

json text(std::string_view words) { return {{"type", "text"}, {"text", words}}; }
json image() { return {{"type", "image"}, {"data", kPng}, {"mimeType", "image/png"}}; }
json audio() { return {{"type", "audio"}, {"data", kWav}, {"mimeType", "audio/wav"}}; }
json embedded(std::string_view uri, std::string_view type, std::string_view words) {
  return {{"type", "resource"}, {"resource", {{"uri", uri}, {"mimeType", type}, {"text", words}}}};
}

json read_resource(const std::string& uri, int updates) {
  if (uri == "test://static-text")
    return {{"uri", uri},
            {"mimeType", "text/plain"},
            {"text", "This is the content of the static text resource."}};
  if (uri == "test://static-binary") return {{"uri", uri}, {"mimeType", "image/png"}, {"blob", kPng}};
  if (uri == "test://watched-resource")
    return {
        {"uri", uri}, {"mimeType", "text/plain"}, {"text", "Updated " + std::to_string(updates) + " times."}};
  std::string_view id = uri;
  if (!id.starts_with(kTemplateHead) || !id.ends_with(kTemplateTail) ||
      id.size() <= kTemplateHead.size() + kTemplateTail.size())
    return {};
  id.remove_prefix(kTemplateHead.size());
  id.remove_suffix(kTemplateTail.size());
  const json data = {{"id", id}, {"templateTest", true}, {"data", "Data for ID: " + std::string(id)}};
  return {{"uri", uri}, {"mimeType", "application/json"}, {"text", data.dump()}};
}

}  // namespace conformance
