// A configuration file as a tree with places: YAML (and so JSON) read through yaml-cpp's events, bounded.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"

namespace holdfast::config {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

// `text` for a report of one line: at most `most` bytes, cut between characters (then with "..."), and `?`
// for what is no UTF-8 or would steer a terminal.
std::string clipped(std::string_view text, std::size_t most);

// Immutable once built; an alias is the same node as its anchor, so places inside point at the anchor.
struct Node {
  enum class Kind { null, scalar, list, map } kind = Kind::null;
  std::string text;          // scalar
  bool plain = false;        // scalar: unquoted, so that `true` or `7` may be more than text
  bool inline_text = false;  // scalar: text starts at `text_column` of `line` (no block scalar)
  int line = 0, column = 0;  // 1-based, in characters
  int text_column = 0;
  std::vector<NodePtr> items;                        // list
  std::vector<std::pair<NodePtr, NodePtr>> entries;  // map, in the order of the file, merge keys applied
  std::size_t weight = 0;                            // size if every alias were written out
  int depth = 0;

  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_map() const { return kind == Kind::map; }
  [[nodiscard]] bool is_null() const { return kind == Kind::null; }
  // The value of `key`, or nullptr. Linear: for maps that people write.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

inline constexpr std::size_t kLargestFile = 4U << 20;
inline constexpr int kDeepest = 100;
inline constexpr std::size_t kMostProblems = 1000;   // of each kind; the rest is not kept
inline constexpr std::size_t kHeaviest = 32U << 20;  // bytes after aliases are written out

struct Document {
  NodePtr root;  // never null; Kind::null for an empty file or after a fault
  std::vector<Problem> problems;
};

// Reads one document. What is no text, too large, too deep, an alias bomb or not YAML gives one problem and
// an empty root; duplicate keys are a problem each and the first one stays.
Document parse_document(std::string_view text);

}  // namespace holdfast::config
