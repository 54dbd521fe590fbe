// Bytes as they come, lines as they go: the read side of a stdio channel.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "mcp/raw_json.h"
#include "mcp/skim.h"

namespace holdfast::mcp {

// Each byte is searched once and moved at most twice on average, however long its line. Memory stays below
// twice the limit while a long line arrives, and goes back to a few kilobytes afterwards.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t limit) : limit_(limit) {}

  // Where the next read may put its bytes; then filled() says how many came.
  std::span<char> room();
  void filled(std::size_t bytes);

  // The next whole line, without "\n" or "\r\n", blank ones left out; valid until room() is called. Nothing:
  // read more.
  std::optional<PaddedText> next();

  // A line that was skipped because it is longer than the limit; asked after next() said nothing.
  std::optional<Skimmed> skipped();

 private:
  static constexpr std::size_t kIdleChunk = 4U << 10;  // there are many idle servers
  static constexpr std::size_t kChunk = 64U << 10;     // what a pipe holds
  void skip(std::size_t upto);

  std::size_t limit_;
  std::vector<char> bytes_;  // kPadding bytes behind end_ always exist
  std::size_t begin_ = 0;    // of the line under way
  std::size_t scanned_ = 0;  // no newline in [begin_, scanned_)
  std::size_t end_ = 0;
  std::size_t chunk_ = kIdleChunk;    // grows while reads fill it
  std::optional<Skimmer> oversized_;  // under way
  std::optional<Skimmed> report_;
};

}  // namespace holdfast::mcp
