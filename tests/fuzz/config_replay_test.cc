// Replays the fuzzer's corpus, cut short and with every byte changed in turn, in an ordinary test.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& text, std::size_t size) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), size);
}

TEST(ConfigCorpus, replays_without_a_fault) {
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
      for (const char c : {'"', '{', ':', '\n', '&', '\xff'}) {
        place = c;
        run(text, text.size());
      }
      place = was;
    }
  }
  EXPECT_GE(entries, 10);
}

}  // namespace
