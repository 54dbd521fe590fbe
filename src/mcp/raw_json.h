// Small readings of raw JSON, for what is off the path of a call: handshakes, listings, errors. Values stay
// the bytes that came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::mcp {

// The parser reads whole vectors: this many bytes behind a text must be readable (their content is ignored).
inline constexpr std::size_t kPadding = 64;

// A text that keeps that promise.
class PaddedText {
 public:
  // The caller knows that kPadding bytes behind `text` are readable.
  static PaddedText promised(std::string_view text) { return PaddedText(text); }
  // Makes room in `owner`, which must not change while the result is in use.
  static PaddedText in(std::string& owner) {
    owner.reserve(owner.size() + kPadding);
    return PaddedText(owner);
  }
  [[nodiscard]] std::string_view view() const { return text_; }

 private:
  explicit PaddedText(std::string_view text) : text_(text) {}
  std::string_view text_;
};

struct Member {
  std::string key;         // decoded
  std::string_view value;  // raw, without surrounding white space; points into the text that was read
};

// The members of a JSON object, in order, duplicates included. Errc::protocol: not an object, or malformed.
// Values are checked as far as strings, UTF-8 and the balance of brackets go; see well_formed().
Result<std::vector<Member>> members(PaddedText object);

// The elements of a JSON array, the same way. Errc::limit: there are more than `most`.
Result<std::vector<std::string_view>> elements(PaddedText array,
                                               std::size_t most = static_cast<std::size_t>(-1));

// The raw value of the one member called `key`; empty: absent, or there more than once.
std::string_view member(const std::vector<Member>& all, std::string_view key);

// The text of a JSON string literal. Errc::protocol: it is not one.
Result<std::string> decode_string(std::string_view literal);

// The text of the string member `key` of a JSON object; empty: there is none. Copies the object.
std::string text_member(std::string_view object, std::string_view key);

// A number of JSON's grammar, whatever its size.
bool is_number(std::string_view token);

// Every byte of `text` is one JSON value, with numbers of any size and nested as deep as it likes. Reads all
// of it: for what is remembered, not for what passes by.
bool well_formed(std::string_view text);

}  // namespace holdfast::mcp
