#include "mcp/oversized.h"

namespace holdfast::mcp {
namespace {

constexpr std::size_t kLongest = 128;

}  // namespace

void OversizedLine::feed(std::string_view piece) {
  size_ += piece.size();
  for (const char c : piece) feed(c);
}

void OversizedLine::feed(char c) {
  const bool keep = depth_ == 1 && token_.size() <= kLongest;
  if (in_string_) {
    if (keep) token_.push_back(c);
    if (escaped_)
      escaped_ = false;
    else if (c == '\\')
      escaped_ = true;
    else if (c == '"')
      in_string_ = false;
    return;
  }
  switch (c) {
    case '"':
      in_string_ = true;
      if (keep) token_.push_back(c);
      return;
    case '{':
    case '[':
      ++depth_;
      return;
    case '}':
    case ']':
      if (depth_ == 1) end_of_token();
      --depth_;
      return;
    case ':':
      if (depth_ != 1) return;
      key_ = std::move(token_);
      token_.clear();
      expect_value_ = true;
      if (key_ == "\"method\"") has_method_ = true;
      return;
    case ',':
      if (depth_ == 1) end_of_token();
      return;
    case ' ':
    case '\t':
    case '\r':
      return;
    default:
      if (keep) token_.push_back(c);
  }
}

void OversizedLine::end_of_token() {
  if (expect_value_ && key_ == "\"id\"" && token_.size() <= kLongest) id_ = token_;
  expect_value_ = false;
  key_.clear();
  token_.clear();
}

}  // namespace holdfast::mcp
