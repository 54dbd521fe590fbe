#include "gateway/names.h"

#include <algorithm>
#include <array>

#include "base/fnv.h"
#include "config/tool_name.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kHashDigits = 10;
constexpr std::size_t kMostOfServer = 24;  // of a name that is cut: the tool has to be told by the rest
constexpr std::string_view kDigits = "0123456789abcdef";

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// What is not legal becomes `_`, one for a run of it: a character of Unicode has several bytes.
std::string cleaned(std::string_view text) {
  std::string out;
  bool replaced = false;
  for (const char c : text) {
    if (is_legal(c))
      out += c;
    else if (!replaced)
      out += '_';
    replaced = !is_legal(c);
  }
  return out;
}

std::string hash_of(std::string_view server, std::string_view own) {
  std::uint64_t hash = fnv1a_part(own, fnv1a_part(server));
  hash ^= hash >> 40;
  std::string out(kHashDigits, '0');
  for (char& digit : out) {
    digit = kDigits[hash & 15];
    hash >>= 4;
  }
  return out;
}

bool is_plain(std::string_view name, std::string_view server, std::string_view own) {
  if (name.size() > kLongestName || !std::ranges::all_of(name, is_legal) || is_hashed(name)) return false;
  const auto read = config::split_tool_name(name);
  return read && read->server == server && read->tool == own;
}

}  // namespace

bool is_hashed(std::string_view name) {
  if (name.size() <= kHashDigits) return false;
  const std::string_view digits = name.substr(name.size() - kHashDigits);
  return name[name.size() - kHashDigits - 1] == '_' &&
         std::ranges::all_of(digits, [](char c) { return kDigits.contains(c); });
}

std::string shown_name(std::string_view server, std::string_view own) {
  if (server.size() + own.size() < kLongestName)
    if (std::string plain = config::join_tool_name(server, own); is_plain(plain, server, own)) return plain;
  constexpr std::size_t kRoom = kLongestName - kHashDigits - 1 - config::kToolSeparator.size();
  std::string first = cleaned(server), second = cleaned(own);
  if (first.size() + second.size() > kRoom) {
    first.resize(std::min(first.size(), kMostOfServer));
    second.resize(std::min(second.size(), kRoom - first.size()));
  }
  return config::join_tool_name(first, second) + '_' + hash_of(server, own);
}

}  // namespace holdfast::gateway
