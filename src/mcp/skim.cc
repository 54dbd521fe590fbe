#include "mcp/skim.h"

#include <utility>

namespace holdfast::mcp {
namespace {

constexpr std::size_t kLongest = 128;

}  // namespace

void Skimmer::feed(std::string_view piece) {
  seen_.size += piece.size();
  for (const char c : piece) feed(c);
}

void Skimmer::feed(char c) {
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
      key(std::exchange(token_, {}));
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

void Skimmer::key(std::string_view name) {
  if (name == R"("jsonrpc")") seen_.has_version = true;
  if (name == R"("method")") seen_.has_method = true;
  if (name == R"("result")" || name == R"("error")") seen_.has_answer = true;
  expect_id_ = name == R"("id")" && seen_.id.empty();
}

void Skimmer::end_of_token() {
  if (expect_id_ && token_.size() <= kLongest) seen_.id = token_;
  expect_id_ = false;
  token_.clear();
}

Skimmed skim(std::string_view line) {
  Skimmer skimmer;
  skimmer.feed(line);
  return skimmer.seen();
}

}  // namespace holdfast::mcp
