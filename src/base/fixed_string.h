// A string of bounded length that lives in place: the keeper has no heap, and an Error must work there too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace holdfast {

// At most N bytes; what does not fit is cut off (never an error: it carries text for people).
template <std::size_t N>
class FixedString {
 public:
  FixedString() = default;
  FixedString(std::string_view text) { append(text); }  // NOLINT: meant to convert
  FixedString(const char* text) : FixedString(std::string_view(text)) {}

  FixedString& append(std::string_view text) {
    const std::size_t n = std::min(text.size(), N - size_);
    if (n > 0) std::memcpy(data_ + size_, text.data(), n);  // an empty view may have no data
    size_ += n;
    return *this;
  }
  FixedString& append_number(long long value) {
    char digits[24];
    std::size_t at = sizeof digits;
    const bool negative = value < 0;
    auto rest =
        negative ? 0ULL - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value);
    do {
      digits[--at] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (negative) digits[--at] = '-';
    return append(std::string_view(digits + at, sizeof digits - at));
  }
  [[nodiscard]] std::string_view view() const { return {data_, size_}; }
  // Zero-terminated, for system calls.
  [[nodiscard]] const char* c_str() const { return data_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  static constexpr std::size_t capacity = N;

 private:
  std::size_t size_ = 0;
  char data_[N + 1] = {};
};

}  // namespace holdfast
