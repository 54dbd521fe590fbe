// The names under which `/mcp` shows what is one server's among all: `server__tool`. Pure: a name follows
// from its pair alone, whatever other servers there are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::gateway {

inline constexpr std::size_t kLongestName = 64;

// At most kLongestName of [A-Za-z0-9_-]. A pair that this does not spell gets as much of its name as fits and
// a hash of the whole, and so does one whose plain name could be read as another pair's, or as hashed. Two
// pairs have one name only if their hashes (40 bits) are the same, and the beginnings of their names.
std::string shown_name(std::string_view server, std::string_view own);

// Whether `name` looks like one with a hash: the pair behind it cannot be read from it.
bool is_hashed(std::string_view name);

}  // namespace holdfast::gateway
