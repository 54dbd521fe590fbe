// What the fuzz targets share. Each is NAME_fuzz.cc with LLVMFuzzerTestOneInput: a libFuzzer program (make
// fuzz), and a test that replays its corpus in every build (replay_test.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace holdfast::fuzz {

inline std::string_view input;  // for whoever looks at a failure

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s; fails on: %.*s\n", what, static_cast<int>(input.size()), input.data());
  std::abort();
}

// The pieces between `separator`s: "a\nb" -> "a", "b"; a text without any is one piece.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
