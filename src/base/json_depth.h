// How deep foreign JSON is nested, asked before a reader or writer that recurses sees it.
#pragma once

#include <cstddef>
#include <string_view>

namespace holdfast {

// What no honest message comes near and every stack bears.
inline constexpr std::size_t kDeepestJson = 256;

// Brackets outside strings stand more than `levels` deep somewhere in `text`. One pass, no memory; says
// nothing about whether the text is JSON.
constexpr bool deeper_than(std::string_view text, std::size_t levels = kDeepestJson) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > levels) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace holdfast
