// A count in a sentence for people: "1 server", "2 servers".
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace holdfast {

// No heap. The words may carry their verb: plural(n, "member does", "members do").
constexpr std::string_view plural(std::integral auto n, std::string_view one, std::string_view many) {
  return n == 1 ? one : many;
}
std::string counted(std::integral auto n, std::string_view one, std::string_view many) {
  return std::to_string(n) + ' ' + std::string(plural(n, one, many));
}

}  // namespace holdfast
