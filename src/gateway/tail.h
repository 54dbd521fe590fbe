// The last words of a server, for error messages; its whole stderr is in a rotated file.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::gateway {

// The last bytes one instance said.
class Tail {
 public:
  void append(std::string_view text);
  // The last non-empty lines, at most `limit` bytes, on one line (" | " between).
  [[nodiscard]] std::string last_words(std::size_t limit) const;

 private:
  static constexpr std::size_t kBytes = 2048;
  std::string text_;
};

}  // namespace holdfast::gateway
