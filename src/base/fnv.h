// A short hash that stays the same for ever and everywhere (FNV-1a): for names and files of our own. No
// defence against who looks for two texts with one hash.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

inline constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325ULL;

constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t before = kFnvBasis) {
  std::uint64_t hash = before;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// Of several texts, one after the other: it matters where one ends and the next begins.
constexpr std::uint64_t fnv1a_part(std::string_view text, std::uint64_t before = kFnvBasis) {
  std::uint64_t hash = before;
  for (std::size_t left = text.size(); left > 0; left >>= 8) hash = (hash ^ (left & 0xff)) * 0x100000001b3ULL;
  return fnv1a(text, (hash ^ 0x100) * 0x100000001b3ULL);
}

}  // namespace holdfast
