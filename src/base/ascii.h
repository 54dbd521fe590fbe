// Letters of ASCII only: what a locale calls one does not matter to a protocol or a configuration.
#pragma once

#include <algorithm>
#include <string_view>

namespace holdfast {

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// They differ in nothing but the case of letters.
constexpr bool same_but_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, upper, upper);
}

}  // namespace holdfast
