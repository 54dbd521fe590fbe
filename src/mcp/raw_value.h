// What splice.cc and raw_json.cc share over simdjson's on-demand reader. Not for other files: the include is
// heavy.
#pragma once

#include <simdjson.h>

#include <string_view>
#include <utility>

#include "mcp/raw_json.h"

namespace holdfast::mcp {

inline std::string_view without_space(std::string_view text) {
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// A scalar's token, checked in full but for the escapes of a string.
inline bool is_scalar_token(std::string_view token) {
  switch (token.front()) {
    case '"':
      return token.size() >= 2 && token.back() == '"';
    case 't':
      return token == "true";
    case 'f':
      return token == "false";
    case 'n':
      return token == "null";
    default:
      return is_number(token);
  }
}

// Whether `value`, which nobody reads, may be passed over. The reader does that by counting brackets, and
// counts rightly only from the first byte of a value: it takes `}` in place of one for an end of its own, and
// a string with a colon behind it for a key.
inline bool may_pass(simdjson::ondemand::value value) {
  const std::string_view token = without_space(value.raw_json_token());
  if (token.empty()) return false;
  if (token.front() == '{' || token.front() == '[') return true;
  return is_scalar_token(token) && (token.front() != '"' || !value.get_raw_json_string().error());
}

inline bool may_pass(simdjson::ondemand::object& object) {
  for (auto next : object) {
    simdjson::ondemand::field field;
    if (std::move(next).get(field) || !may_pass(field.value())) return false;
  }
  return true;
}

inline bool may_pass(simdjson::ondemand::array& array) {
  for (auto next : array) {
    simdjson::ondemand::value value;
    if (std::move(next).get(value) || !may_pass(value)) return false;
  }
  return true;
}

// A value's bytes; consumes it. Empty: malformed. Scalars are checked in full but for the escapes of a
// string, containers one level deep, and below it as far as the number of opening and closing brackets goes.
inline std::string_view raw_value(simdjson::ondemand::value value) {
  const std::string_view token = without_space(value.raw_json_token());
  if (token.empty()) return {};
  std::string_view raw;
  switch (token.front()) {
    case '{': {
      simdjson::ondemand::object object;
      if (value.get_object().get(object) || !may_pass(object) || object.raw_json().get(raw)) return {};
      return without_space(raw);
    }
    case '[': {
      simdjson::ondemand::array array;
      if (value.get_array().get(array) || !may_pass(array) || array.raw_json().get(raw)) return {};
      return without_space(raw);
    }
    default:
      return may_pass(value) ? token : std::string_view();
  }
}

// Nothing is left behind the value that was read.
inline bool ended(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace holdfast::mcp
