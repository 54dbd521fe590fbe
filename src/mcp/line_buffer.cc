#include "mcp/line_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::mcp {

std::span<char> LineBuffer::room() {
  if (begin_ == end_) {
    begin_ = scanned_ = end_ = 0;
    if (bytes_.size() > chunk_ + kPadding) std::vector<char>().swap(bytes_);
  } else if (begin_ != 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  // Doubling keeps a long line linear; the limit and one chunk are all that can ever be needed.
  if (bytes_.size() < end_ + chunk_ / 4 + kPadding)
    bytes_.resize(std::max(std::min(2 * end_, limit_ + chunk_), end_ + chunk_) + kPadding);
  return {bytes_.data() + end_, bytes_.size() - kPadding - end_};
}

void LineBuffer::filled(std::size_t bytes) {
  end_ += bytes;
  if (bytes >= chunk_ / 2)
    chunk_ = std::min(2 * chunk_, kChunk);
  else if (bytes < chunk_ / 8)
    chunk_ = std::max(chunk_ / 2, kIdleChunk);
}

std::optional<PaddedText> LineBuffer::next() {
  while (!report_) {
    const void* found = std::memchr(bytes_.data() + scanned_, '\n', end_ - scanned_);
    if (!found) {
      scanned_ = end_;
      if (oversized_ || end_ - begin_ > limit_ + 1)
        skip(end_);  // +1: a '\r' that may belong to the line's end
      return std::nullopt;
    }
    const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - bytes_.data());
    std::string_view line(bytes_.data() + begin_, newline - begin_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (oversized_ || line.size() > limit_) {
      skip(newline);
      report_ = oversized_->seen();
      oversized_.reset();
      begin_ = scanned_ = newline + 1;
      return std::nullopt;
    }
    begin_ = scanned_ = newline + 1;
    if (line.find_first_not_of(" \t") != std::string_view::npos) return PaddedText::promised(line);
  }
  return std::nullopt;
}

std::optional<Skimmed> LineBuffer::skipped() { return std::exchange(report_, std::nullopt); }

void LineBuffer::skip(std::size_t upto) {
  if (!oversized_) oversized_.emplace();
  oversized_->feed({bytes_.data() + begin_, upto - begin_});
  begin_ = scanned_ = upto;
}

}  // namespace holdfast::mcp
