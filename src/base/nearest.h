// The word that somebody most likely meant.
#pragma once

#include <string_view>
#include <vector>

namespace holdfast {

// The one of `known` that is nearest to a misspelt `word`: at most a third of it is wrong, by letters put in,
// left out, changed or swapped with their neighbour; capitals aside. Empty: none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace holdfast
