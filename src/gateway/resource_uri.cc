#include "gateway/resource_uri.h"

#include <cctype>

namespace holdfast::gateway {

std::string_view scheme_of(std::string_view uri) {
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0 || std::isalpha(static_cast<unsigned char>(uri[0])) == 0)
    return {};
  for (const char c : uri.substr(0, colon))
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '+' && c != '-' && c != '.') return {};
  return uri.substr(0, colon);
}

// Back to the last expression and one byte further, as with globs: no worse than the product of the lengths.
bool matches_template(std::string_view pattern, std::string_view uri) {
  constexpr auto kNone = std::string_view::npos;
  std::size_t p = 0, u = 0, behind_expression = kNone, tried = 0;
  while (u < uri.size()) {
    if (p < pattern.size() && pattern[p] == '{') {
      const auto close = pattern.find('}', p);
      if (close == kNone) return false;
      p = behind_expression = close + 1;
      tried = u;
    } else if (p < pattern.size() && pattern[p] == uri[u]) {
      ++p, ++u;
    } else if (behind_expression != kNone) {
      p = behind_expression;
      u = ++tried;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '{') {
    const auto close = pattern.find('}', p);
    if (close == kNone) return false;
    p = close + 1;
  }
  return p == pattern.size();
}

}  // namespace holdfast::gateway
