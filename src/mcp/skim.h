// What can be known of a line that is too long to keep, or that no parser accepts: read piece by piece in
// bounded memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::mcp {

struct Skimmed {
  std::size_t size = 0;  // bytes without the newline
  std::string id;  // raw JSON of the first one; empty: not seen, or longer than an id may be here (128 bytes)
  bool has_version = false;  // `jsonrpc` is there
  bool has_method = false;
  bool has_answer = false;  // `result` or `error` is there

  // Meant as the answer to a request, and not as a log line that happens to have an id.
  [[nodiscard]] bool is_answer() const { return has_version && has_answer && !has_method; }
};

// Finds the members that routing reads in the outermost object. It trusts its input: what it finds in
// malformed JSON is a guess, and an escaped spelling of a key is not recognised.
class Skimmer {
 public:
  void feed(std::string_view piece);
  [[nodiscard]] const Skimmed& seen() const { return seen_; }

 private:
  void feed(char c);
  void key(std::string_view name);
  void end_of_token();

  Skimmed seen_;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool expect_id_ = false;  // behind the colon of the first `id` at depth 1
  std::string token_;       // string or scalar at depth 1, cut at the longest id
};

// The same of a line that is there as a whole.
Skimmed skim(std::string_view line);

}  // namespace holdfast::mcp
