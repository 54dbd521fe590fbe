#include "gateway/tail.h"

namespace holdfast::gateway {

void Tail::append(std::string_view text) {
  if (text.size() > kBytes) text.remove_prefix(text.size() - kBytes);
  text_.append(text);
  if (text_.size() > kBytes) text_.erase(0, text_.size() - kBytes);
}

std::string Tail::last_words(std::size_t limit) const {
  std::string words;
  std::string_view rest(text_);
  while (!rest.empty() && words.size() < limit) {
    const auto newline = rest.find_last_of('\n');
    std::string_view line = newline == std::string_view::npos ? rest : rest.substr(newline + 1);
    rest = newline == std::string_view::npos ? std::string_view() : rest.substr(0, newline);
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
    if (line.empty()) continue;
    const std::string_view separator = words.empty() ? "" : " | ";
    if (words.size() + separator.size() + line.size() > limit && !words.empty()) break;
    words = std::string(line.substr(0, limit)).append(separator).append(words);
  }
  return words;
}

}  // namespace holdfast::gateway
