#include "mcp/raw_json.h"

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "mcp/raw_value.h"

namespace holdfast::mcp {
namespace {

namespace ondemand = simdjson::ondemand;

std::unexpected<Error> malformed(std::string_view op) { return fail(Errc::protocol, op, "malformed JSON"); }

simdjson::padded_string_view padded(std::string_view text) {
  return simdjson::padded_string_view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
}
static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

const char* skip_digits(const char* at, const char* end) {
  while (at != end && *at >= '0' && *at <= '9') ++at;
  return at;
}

}  // namespace

Result<std::vector<Member>> members(PaddedText text) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  std::vector<Member> all;
  if (parser.iterate(padded(text.view())).get(document) || document.get_object().get(object))
    return malformed("json.object");
  for (auto next : object) {
    ondemand::field field;
    std::string_view key;
    if (std::move(next).get(field) || field.unescaped_key().get(key)) return malformed("json.object");
    const auto raw = raw_value(field.value());
    if (raw.empty()) return malformed("json.object");
    all.push_back({std::string(key), raw});
  }
  if (!ended(document)) return malformed("json.object");
  return all;
}

Result<std::vector<std::string_view>> elements(PaddedText text, std::size_t most) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array array;
  std::vector<std::string_view> all;
  if (parser.iterate(padded(text.view())).get(document) || document.get_array().get(array))
    return malformed("json.array");
  for (auto next : array) {
    ondemand::value value;
    if (std::move(next).get(value)) return malformed("json.array");
    const auto raw = raw_value(value);
    if (raw.empty()) return malformed("json.array");
    if (all.size() == most)
      return fail(Errc::limit, "json.array", "more than " + std::to_string(most) + " elements");
    all.push_back(raw);
  }
  if (!ended(document)) return malformed("json.array");
  return all;
}

std::string_view member(const std::vector<Member>& all, std::string_view key) {
  std::string_view found;
  for (const Member& each : all) {
    if (each.key != key) continue;
    if (!found.empty()) return {};
    found = each.value;
  }
  return found;
}

Result<std::string> decode_string(std::string_view literal) {
  auto value = nlohmann::json::parse(literal, nullptr, false);
  if (!value.is_string()) return fail(Errc::protocol, "json.string", "not a string");
  return std::move(value.get_ref<std::string&>());
}

std::string text_member(std::string_view object, std::string_view key) {
  std::string text(object);
  const auto all = members(PaddedText::in(text));
  return all ? decode_string(member(*all, key)).value_or("") : "";
}

bool is_number(std::string_view token) {
  const char* at = token.data();
  const char* const end = at + token.size();
  if (at != end && *at == '-') ++at;
  const char* whole = at;
  at = skip_digits(at, end);
  if (at == whole || (*whole == '0' && at - whole > 1)) return false;
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    at = skip_digits(at, end);
    if (at == fraction) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* exponent = at;
    at = skip_digits(at, end);
    if (at == exponent) return false;
  }
  return at == end;
}

}  // namespace holdfast::mcp
