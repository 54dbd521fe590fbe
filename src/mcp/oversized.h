// What can still be known of a line that is too long to keep: read piece by piece in bounded memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::mcp {

// Finds the members `id` and `method` of the outermost object. It trusts its input: what it finds in
// malformed JSON means nothing, and an escaped spelling of "id" is not recognised.
class OversizedLine {
 public:
  void feed(std::string_view piece);

  [[nodiscard]] std::size_t size() const { return size_; }
  // Raw JSON; empty: not seen, or longer than an id may be here (128 bytes).
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] bool has_method() const { return has_method_; }

 private:
  void feed(char c);
  void end_of_token();

  std::size_t size_ = 0;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool expect_value_ = false;  // behind a colon at depth 1
  std::string token_;          // string or scalar at depth 1, cut at kLongest
  std::string key_;
  std::string id_;
  bool has_method_ = false;
};

// As the channel reports it.
struct OversizedReport {
  std::size_t size = 0;  // bytes without the newline
  std::string id;        // raw JSON, empty if unknown
  bool has_method = false;
};

}  // namespace holdfast::mcp
