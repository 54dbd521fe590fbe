// Replays a fuzz target's corpus in an ordinary test: every entry, cut short anywhere, and with every byte in
// turn made into something structural.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"

namespace {

void run(const std::string& text, std::size_t size) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), size);
}

TEST(Corpus, replays_without_a_fault) {
  constexpr std::size_t kShort = 600;  // what is longer is replayed whole only
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), {});
    ++entries;
    run(text, text.size());
    if (text.size() > kShort) continue;
    for (std::size_t size = 0; size < text.size(); ++size) run(text, size);
    for (char& place : text) {
      const char was = place;
      for (const char c : {'"', '\\', '}', ']', '{', ',', ':', '\n', '&', ' ', '9', '\0', '\xff'}) {
        place = c;
        run(text, text.size());
      }
      place = was;
    }
  }
  EXPECT_GE(entries, 4);
}

}  // namespace
