#include "base/ids.h"

#include <random>

namespace holdfast {

std::string random_hex(std::size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device source;
  std::string text;
  text.reserve(bytes * 2);
  while (text.size() < bytes * 2) {
    auto word = source();
    for (int digit = 0; digit < 8 && text.size() < bytes * 2; ++digit, word >>= 4)
      text.push_back(kDigits[word & 15]);
  }
  return text;
}

}  // namespace holdfast
