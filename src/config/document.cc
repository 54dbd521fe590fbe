#include "config/document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace holdfast::config {
namespace {

struct Stop {  // ends the parse; never leaves this file
  int line, column;
  std::string message;
};

// How many bytes the character at the front has; 0: it is no UTF-8.
std::size_t character_length(std::string_view text) {
  const auto c = static_cast<unsigned char>(text[0]);
  if (c < 0x80) return 1;
  const std::size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
  if (c < 0xc2 || c > 0xf4 || length > text.size()) return 0;
  std::uint32_t point = c & (0xffU >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) {
    const auto next = static_cast<unsigned char>(text[k]);
    if ((next & 0xc0) != 0x80) return 0;
    point = (point << 6) | (next & 0x3fU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  return overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : length;
}

// Steers a terminal: C0, DEL, C1.
bool is_control(std::string_view character) {
  const auto c = static_cast<unsigned char>(character[0]);
  return c < 0x20 || c == 0x7f ||
         (c == 0xc2 && character.size() > 1 && static_cast<unsigned char>(character[1]) < 0xa0);
}

// The first byte that is not UTF-8 or is a control character (yaml-cpp takes 0x04 for the end of the file).
std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    const char c = text[i];
    if (length == 0 || (length == 1 && is_control(text.substr(i, 1)) && c != '\t' && c != '\n' && c != '\r'))
      return i;
    i += length;
  }
  return std::nullopt;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Bytes to 1-based lines and columns in characters. Marks arrive nearly in order, so the last answer is kept:
// a 4 MiB file on one line must not cost a square.
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
  }
  std::pair<int, int> at(const YAML::Mark& mark) {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= starts_.size()) return last_;
    const std::size_t start = starts_[static_cast<std::size_t>(mark.line)];
    const std::size_t offset =
        std::min(start + static_cast<std::size_t>(std::max(mark.column, 0)), text_.size());
    if (last_.first != mark.line + 1) {
      last_ = {mark.line + 1, 1};
      offset_ = start;
    }
    for (; offset_ < offset; ++offset_)
      if (!is_continuation(text_[offset_])) ++last_.second;
    for (; offset_ > offset; --offset_)
      if (!is_continuation(text_[offset_ - 1])) --last_.second;
    return last_;
  }
  // The byte at the place asked for last; 0 at the end.
  [[nodiscard]] char byte() const { return offset_ < text_.size() ? text_[offset_] : '\0'; }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
  std::pair<int, int> last_{1, 1};
  std::size_t offset_ = 0;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(Places& places, std::vector<Problem>& problems) : places_(places), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Node::Kind::null, mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      const auto [line, column] = places_.at(mark);
      throw Stop{line, column, "an alias stands inside the very value that it names"};
    }
    add(known->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = make(Node::Kind::scalar, mark);
    const char first = places_.byte();
    node->inline_text = first != '|' && first != '>' && first != '&' && first != '!';
    node->text_column = node->column + (first == '"' || first == '\'' ? 1 : 0);
    node->plain = tag == "?" || tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:float" ||
                  tag == "tag:yaml.org,2002:bool";
    node->text = value;
    node->weight += value.size();
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, anchor);
  }
  void OnMapEnd() override {
    apply_merges();
    close();
  }

  NodePtr root;

 private:
  struct Frame {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = 0;
    NodePtr key;                                 // map: read, its value is still to come
    std::unordered_map<std::string, int> lines;  // map: keys and where they stand
    std::vector<NodePtr> merges;
  };

  std::shared_ptr<Node> make(Node::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    std::tie(node->line, node->column) = places_.at(mark);
    node->weight = 16;
    node->depth = 1;
    return node;
  }
  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    auto node = make(kind, mark);
    if (stack_.size() >= static_cast<std::size_t>(kDeepest)) throw too_deep(*node);
    stack_.push_back({std::move(node), anchor, nullptr, {}, {}});
  }
  void close() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(done.node), done.anchor);
  }
  static Stop too_deep(const Node& at) {
    return {at.line, at.column, fmt::format("nested deeper than {} levels", kDeepest)};
  }

  void add(NodePtr node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    Node& parent = *frame.node;
    parent.weight += node->weight;
    parent.depth = std::max(parent.depth, node->depth + 1);
    if (parent.depth > kDeepest) throw too_deep(parent);
    if (parent.weight > kHeaviest)
      throw Stop{parent.line, parent.column,
                 fmt::format("with its aliases written out it holds more than {} MiB", kHeaviest >> 20)};
    if (parent.is_list())
      parent.items.push_back(std::move(node));
    else if (!frame.key)
      frame.key = std::move(node);
    else
      add_entry(frame, std::exchange(frame.key, nullptr), std::move(node));
  }

  void add_entry(Frame& frame, NodePtr key, NodePtr value) {
    if (key->is_scalar() && key->plain && key->text == "<<") {
      frame.merges.push_back(std::move(value));
      return;
    }
    if (!key->is_scalar()) {
      problem(*key, key->is_null() ? "a key is missing before the colon" : "a key must be one word or text");
      return;
    }
    const auto [known, fresh] = frame.lines.emplace(key->text, key->line);
    if (!fresh) {
      problem(*key,
              fmt::format("the key \"{}\" is given twice (first on line {}); keep one",
                          clipped(key->text, 60), known->second),
              key->text);
      return;
    }
    frame.node->entries.emplace_back(std::move(key), std::move(value));
  }

  // YAML 1.1 merge keys, which compose files made popular: `<<: *base`. What the map says itself wins.
  void apply_merges() {
    Frame& frame = stack_.back();
    for (const NodePtr& merge : frame.merges) {
      const std::vector<NodePtr> one{merge};
      for (const NodePtr& source : merge->is_list() ? merge->items : one) {
        if (!source->is_map()) {
          problem(*source, "`<<` takes a mapping or a list of mappings");
          continue;
        }
        for (const auto& [key, value] : source->entries)
          if (frame.lines.emplace(key->text, key->line).second) frame.node->entries.emplace_back(key, value);
      }
    }
  }

  // `own`: the key of the map being read that is at fault; empty: the map itself.
  void problem(const Node& at, std::string message, std::string_view own = {}) {
    if (problems_.size() > kMostProblems) return;
    if (problems_.size() == kMostProblems) message = "more faults such as those above are not shown";
    std::string path;
    const auto append = [&](std::string_view key) { path += (path.empty() ? "" : ".") + clipped(key, 80); };
    for (const Frame& frame : stack_) {
      if (&frame == &stack_.back()) break;
      if (frame.node->is_list())
        path += fmt::format("[{}]", frame.node->items.size());
      else if (frame.key && frame.key->is_scalar())
        append(frame.key->text);
    }
    if (!own.empty()) append(own);
    problems_.push_back({Problem::Severity::error, at.line, at.column, std::move(path), std::move(message)});
  }

  Places& places_;
  std::vector<Problem>& problems_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
};

bool looks_like_json(std::string_view text) {
  const auto at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos &&
         (text[at] == '{' || text.substr(at, 2) == "//" || text.substr(at, 2) == "/*");
}

std::optional<unsigned> surrogate(std::string_view text) {  // "\ud83d" at the front
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(2, 4)) {
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                  : 99;
    if (digit > 15) return std::nullopt;
    value = value * 16 + digit;
  }
  return value;
}

// What JSON files of other clients hold and YAML does not read: comments (blanked, so that places stay) and
// surrogate pairs (written as one escape of eight digits). Quotes and YAML's own comments hide both.
std::string json_as_yaml(std::string_view text) {
  std::string out(text);
  constexpr std::string_view kBetween = " \t\r\n,{}[]";  // what stands before a token
  char quote = '\0', before = ' ';
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    if (quote == '"' && c == '\\') {
      const auto high = surrogate(std::string_view(out).substr(i));
      if (high && *high >= 0xd800 && *high < 0xdc00) {
        const auto low = surrogate(std::string_view(out).substr(i + 6));
        if (low && *low >= 0xdc00 && *low < 0xe000)
          out.replace(i, 12, fmt::format("\\U{:08x}", 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00)));
      }
      ++i;  // the escaped character
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || (c == '\'' && (kBetween.contains(before) || before == ':' || before == '\''))) {
      quote = c;
    } else if (c == '#' && kBetween.substr(0, 4).contains(before)) {
      i = std::min(out.find('\n', i), out.size() - 1);
    } else if (c == '/' && (kBetween.contains(before) || before == '"') && i + 1 < out.size() &&
               (out[i + 1] == '/' || out[i + 1] == '*')) {
      const bool block = out[i + 1] == '*';
      auto end = out.find(block ? "*/" : "\n", i + 2);
      end = end == std::string::npos ? out.size() : end + (block ? 2 : 0);
      for (std::size_t k = i; k < end; ++k)
        if (out[k] != '\n' && out[k] != '\r') out[k] = ' ';
      i = end - 1;
    }
    before = i < out.size() ? out[i] : ' ';
  }
  return out;
}

Document refuse(int line, int column, std::string message) {
  auto empty = std::make_shared<Node>();
  return {std::move(empty), {{Problem::Severity::error, line, column, {}, std::move(message)}}};
}

// A tab among the blanks in front of a line, 1-based; 0: there is none.
int tab_in_front(std::string_view text, int line) {
  for (; line > 1; --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const auto tab = text.find_first_not_of(' ');
  return tab != std::string_view::npos && text[tab] == '\t' ? static_cast<int>(tab) + 1 : 0;
}

Document not_yaml(const std::string& text, Places& places, const YAML::Exception& fault) {
  const std::string why = "this is not YAML: ";
  if (fault.mark.is_null()) return refuse(0, 0, why + clipped(fault.msg, 200));
  const auto [line, column] = places.at(fault.mark);
  const int tab = looks_like_json(text) ? 0 : tab_in_front(text, line);
  if (tab > 0) return refuse(line, tab, why + "a tab indents this line, where only blanks may");
  return refuse(line, column, why + clipped(fault.msg, 200));
}

Document build(const std::string& text) {
  Places places(text);
  Document document;
  Builder builder(places, document.problems);
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
    document.root = builder.root;
    Builder second(places, document.problems);
    if (parser.HandleNextDocument(second) && second.root && !second.root->is_null())
      return refuse(second.root->line, second.root->column,
                    "a second document starts here; one file holds one");
  } catch (const Stop& stop) {
    return refuse(stop.line, stop.column, stop.message);
  } catch (const YAML::Exception& fault) {
    return not_yaml(text, places, fault);
  } catch (const std::exception& fault) {
    return refuse(0, 0, fmt::format("this cannot be read: {}", fault.what()));
  }
  if (!document.root) document.root = std::make_shared<Node>();
  return document;
}

}  // namespace

std::string clipped(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = std::max<std::size_t>(character_length(text.substr(i)), 1);
    if (i + length > most) return out + "...";
    const auto character = text.substr(i, length);
    out += is_control(character) || character_length(text.substr(i)) == 0 ? "?" : character;
    i += length;
  }
  return out;
}

const Node* Node::find(std::string_view key) const {
  for (const auto& [k, v] : entries)
    if (k->text == key) return v.get();
  return nullptr;
}

Document parse_document(std::string_view text) {
  if (text.size() > kLargestFile)
    return refuse(0, 0, fmt::format("{} bytes are too many; a configuration has at most 4 MiB", text.size()));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (const auto bad = first_bad_byte(text)) {
    const auto before = text.substr(0, *bad);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const auto column = 1 + std::count_if(before.begin() + static_cast<std::ptrdiff_t>(start), before.end(),
                                          [](char c) { return !is_continuation(c); });
    return refuse(static_cast<int>(line), static_cast<int>(column),
                  fmt::format("byte 0x{:02x} does not belong into UTF-8 text; save the file as UTF-8",
                              static_cast<unsigned char>(text[*bad])));
  }
  return build(looks_like_json(text) ? json_as_yaml(text) : std::string(text));
}

}  // namespace holdfast::config
