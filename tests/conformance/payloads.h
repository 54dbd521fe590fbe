// What the conformance suite wants to see, word for word: lists, schemas, media.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace conformance {

using json = nlohmann::ordered_json;

json tools();      // of tools/list
json resources();  // of resources/list, resources/templates/list
json resource_templates();
json prompts();  // of prompts/list

// Schemas of elicitation/create.
json person_schema();
json defaults_schema();
json enums_schema();

// Content blocks.
json text(std::string_view words);
json image();  // one red pixel
json audio();  // four samples of silence
json embedded(std::string_view uri, std::string_view type, std::string_view words);

json read_resource(const std::string& uri, int updates);  // the contents, null: no such resource

}  // namespace conformance
