// Replays the fuzzer's corpus, and every prefix of every entry, in an ordinary test.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

TEST(SpliceCorpus, replays_without_a_fault) {
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    ++entries;
    for (std::size_t size = 0; size <= text.size(); ++size)
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), size);
    std::string changed = text;  // every byte in turn becomes something structural
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (const char c : {'"', '\\', '}', ']', '{', ',', ':', '\0', '\xff'}) {
        changed[i] = c;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(changed.data()), changed.size());
      }
      changed[i] = text[i];
    }
  }
  EXPECT_GE(entries, 8);
}
