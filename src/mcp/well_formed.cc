// JSON's grammar (RFC 8259), without a value made of it. The libraries' own readers refuse numbers that fit
// no type of theirs, which are as good as any to whoever only passes them on.
#include <simdjson.h>

#include <string>

#include "mcp/raw_json.h"

namespace holdfast::mcp {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool reads_one_value() {
    for (;;) {
      if (!value()) return false;
      if (descended_) continue;  // an element of what was just opened comes next
      for (;;) {
        skip_space();
        if (open_.empty()) return at_ == end_;
        if (take(',')) {
          if (open_.back() == '{' && !key()) return false;
          break;
        }
        if (!take(open_.back() == '{' ? '}' : ']')) return false;
        open_.pop_back();
      }
    }
  }

 private:
  // A scalar or an empty container as a whole; else the opening of one, up to its first element.
  bool value() {
    descended_ = false;
    skip_space();
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
      case '[': {
        const char opening = *at_++;
        skip_space();
        if (take(opening == '{' ? '}' : ']')) return true;
        open_ += opening;
        descended_ = true;
        return opening == '[' || key();
      }
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool key() {
    skip_space();
    if (!string()) return false;
    skip_space();
    return take(':');
  }
  bool string() {
    if (!take('"')) return false;
    for (skip_text(); at_ != end_; skip_text()) {
      const char c = *at_++;
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }
  // What is nothing but text, a vector at a time: strings are most of what is large.
  void skip_text() {
    constexpr std::ptrdiff_t kStep = 32;
    while (end_ - at_ >= kStep) {
      bool text = true;
      for (std::ptrdiff_t i = 0; i < kStep; ++i) text &= is_text(at_[i]);
      if (!text) return;
      at_ += kStep;
    }
  }
  static bool is_text(char c) { return (c != '"') & (c != '\\') & (static_cast<unsigned char>(c) >= 0x20); }
  bool escape() {
    if (at_ == end_) return false;
    const char c = *at_++;
    if (c != 'u') return std::string_view("\"\\/bfnrt").contains(c);
    const int first = hex4();
    if (first < 0 || (first >= 0xdc00 && first < 0xe000)) return false;
    if (first < 0xd800 || first >= 0xe000) return true;
    if (!word("\\u")) return false;  // half a character; some readers refuse it
    const int second = hex4();
    return second >= 0xdc00 && second < 0xe000;
  }
  int hex4() {
    int value = 0;
    for (int i = 0; i < 4; ++i) {
      if (at_ == end_) return -1;
      const char c = *at_++;
      const auto digit =
          std::string_view("0123456789abcdef").find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == std::string_view::npos) return -1;
      value = value * 16 + static_cast<int>(digit);
    }
    return value;
  }
  bool number() {
    const char* const begin = at_;
    while (at_ != end_ && std::string_view("+-.0123456789eE").contains(*at_)) ++at_;
    return is_number({begin, static_cast<std::size_t>(at_ - begin)});
  }
  bool word(std::string_view expected) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  bool take(char expected) {
    if (at_ == end_ || *at_ != expected) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ != end_ && std::string_view(" \t\r\n").contains(*at_)) ++at_;
  }

  const char* at_;
  const char* const end_;
  std::string open_;  // the brackets that wait for theirs
  bool descended_ = false;
};

}  // namespace

bool well_formed(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size()) && Reader(text).reads_one_value();
}

}  // namespace holdfast::mcp
