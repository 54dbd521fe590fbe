// What the parts of the parser share: a piece of the expression that knows where it stands, and what is wrong
// there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"

namespace holdfast::cron {

struct Fault {
  std::size_t at = 0;  // byte offset in the whole expression
  std::string message, hint;
};
template <class T>
using Parsed = std::expected<T, Fault>;

inline std::unexpected<Fault> wrong(std::size_t at, std::string message, std::string hint = {}) {
  return std::unexpected(Fault{at, std::move(message), std::move(hint)});
}

struct Piece {
  std::string_view text;
  std::size_t at = 0;
  [[nodiscard]] Piece sub(std::size_t from, std::size_t n = std::string_view::npos) const {
    return {text.substr(from, n), at + from};
  }
  [[nodiscard]] std::size_t end() const { return at + text.size(); }
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}
constexpr bool same(std::string_view a, std::string_view b) { return same_but_case(a, b); }
constexpr bool starts(std::string_view text, std::string_view with) {
  return same(text.substr(0, with.size()), with);
}

// The number that `digits` write; what is larger than `most` is `most` + 1.
constexpr long long number_of(std::string_view digits, long long most) {
  long long number = 0;
  for (const char c : digits) number = std::min(number * 10 + (c - '0'), most + 1);
  return number;
}

inline std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

inline std::vector<Piece> words_of(std::string_view text) {
  std::vector<Piece> words;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    while (i < text.size() && !is_blank(text[i])) ++i;
    if (i > begin) words.push_back({text.substr(begin, i - begin), begin});
    ++i;
  }
  return words;
}

}  // namespace holdfast::cron
