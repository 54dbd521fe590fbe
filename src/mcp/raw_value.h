// What splice.cc and raw_json.cc share over simdjson's on-demand reader. Not for other files: the include is
// heavy.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "mcp/raw_json.h"

namespace holdfast::mcp {

inline std::string_view without_space(std::string_view text) {
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// A value's bytes; consumes it if it is an object or an array. Empty: malformed. Scalars are checked in full
// (strings by whoever decodes them), containers as far as their last bracket is the right one.
inline std::string_view raw_value(simdjson::ondemand::value value) {
  const std::string_view token = without_space(value.raw_json_token());
  if (token.empty()) return {};
  std::string_view raw;
  switch (token.front()) {
    case '{': {
      simdjson::ondemand::object object;
      if (value.get_object().get(object) || object.raw_json().get(raw)) return {};
      raw = without_space(raw);
      return raw.size() >= 2 && raw.back() == '}' ? raw : std::string_view();
    }
    case '[': {
      simdjson::ondemand::array array;
      if (value.get_array().get(array) || array.raw_json().get(raw)) return {};
      raw = without_space(raw);
      return raw.size() >= 2 && raw.back() == ']' ? raw : std::string_view();
    }
    case '"':
      return token.size() >= 2 && token.back() == '"' ? token : std::string_view();
    case 't':
      return token == "true" ? token : std::string_view();
    case 'f':
      return token == "false" ? token : std::string_view();
    case 'n':
      return token == "null" ? token : std::string_view();
    default:
      return is_number(token) ? token : std::string_view();
  }
}

// Nothing is left behind the value that was read.
inline bool ended(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace holdfast::mcp
