// Reader's part that writes a mapping of the file as JSON, types kept.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "config/reader.h"

namespace holdfast::config {
namespace {

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::size_t digits(std::string_view text, std::size_t at) {
  std::size_t n = 0;
  while (at + n < text.size() && text[at + n] >= '0' && text[at + n] <= '9') ++n;
  return n;
}

// -?int frac? exp?, JSON's grammar; such text is copied as it stands, however many digits it has.
bool is_json_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t whole = digits(text, at);
  if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits(text, at + 1);
    if (fraction == 0) return false;
    at += 1 + fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = digits(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

// YAML's own ways to write a number: 0x1F, 0o17, +5, .5, 5. ; empty: no number.
std::string yaml_number(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0o")) {
    std::uint64_t value = 0;
    const auto [end, ec] =
        std::from_chars(text.data() + 2, text.data() + text.size(), value, text[1] == 'x' ? 16 : 8);
    return ec == std::errc{} && end == text.data() + text.size() ? std::to_string(value) : std::string();
  }
  std::string out(text.starts_with('+') ? text.substr(1) : text);
  if (text.starts_with('+') && out.starts_with('-')) return {};
  if (const auto dot = out.find('.'); dot != std::string::npos) {
    if (dot + 1 == out.size() && dot > 0) out += '0';
    if (dot == 0 || (dot == 1 && out[0] == '-')) out.insert(dot, "0");
  }
  return is_json_number(out) ? out : std::string();
}

}  // namespace

std::optional<JsonFault> to_json(const Node& node, std::string& out) {
  switch (node.kind) {
    case Node::Kind::null:
      out += "null";
      return std::nullopt;
    case Node::Kind::list: {
      out += '[';
      for (const NodePtr& item : node.items) {
        if (out.back() != '[') out += ',';
        if (auto fault = to_json(*item, out)) return fault;
      }
      out += ']';
      return std::nullopt;
    }
    case Node::Kind::map: {
      out += '{';
      for (const auto& [key, value] : node.entries) {
        if (key != node.entries.front().first) out += ',';
        append_text(out, key->text);
        out += ':';
        if (auto fault = to_json(*value, out)) return fault;
      }
      out += '}';
      return std::nullopt;
    }
    case Node::Kind::scalar:
      break;
  }
  static constexpr std::array<std::string_view, 6> kFlags{"true", "True", "TRUE", "false", "False", "FALSE"};
  static constexpr std::array<std::string_view, 8> kNoJson{".inf",  "-.inf", "+.inf", ".Inf",
                                                           "-.Inf", "+.Inf", ".nan",  ".NaN"};
  if (node.plain)
    for (std::size_t i = 0; i < kFlags.size(); ++i)
      if (node.text == kFlags[i]) return out += i < 3 ? "true" : "false", std::nullopt;
  if (node.plain)
    for (const std::string_view none : kNoJson)
      if (node.text == none)
        return JsonFault{&node, fmt::format("JSON has no {}; quote it if it is text", none)};
  if (node.plain && is_json_number(node.text))
    out += node.text;
  else if (const std::string number = node.plain ? yaml_number(node.text) : std::string(); !number.empty())
    out += number;
  else
    append_text(out, node.text);
  return std::nullopt;
}

}  // namespace holdfast::config
