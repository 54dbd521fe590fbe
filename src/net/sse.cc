#include "net/sse.h"

#include <charconv>
#include <utility>

namespace holdfast::net {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Result<void> SseReader::feed(std::string_view piece, const std::function<bool(SseEvent&&)>& tell) {
  while (!piece.empty()) {
    // A line ends with CR, LF, or both, which may come in two pieces.
    if (std::exchange(after_cr_, false) && piece.front() == '\n') {
      piece.remove_prefix(1);
      continue;
    }
    const std::size_t end = piece.find_first_of("\r\n");
    const std::string_view part = piece.substr(0, end);
    size_ += part.size();
    if (size_ > limit_)
      return fail(Errc::limit, "event stream",
                  "an event is longer than " + std::to_string(limit_) + " bytes");
    line_.append(part);
    if (end == std::string_view::npos) return {};
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    if (!end_of_line(tell)) return {};
  }
  return {};
}

// False: whoever is told wants no more.
bool SseReader::end_of_line(const std::function<bool(SseEvent&&)>& tell) {
  const std::string line = std::exchange(line_, {});
  std::string_view text = line;
  if (std::exchange(first_line_, false) && text.starts_with(kByteOrderMark))
    text.remove_prefix(kByteOrderMark.size());
  if (text.empty()) {
    size_ = 0;
    has_data_ = false;
    SseEvent event = std::exchange(event_, {});
    const bool says_something = !event.data.empty() || event.id || event.retry;
    return !says_something || tell(std::move(event));
  }
  const std::size_t colon = text.find(':');
  if (colon == 0) return true;  // a comment
  std::string_view value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  field(text.substr(0, colon), value);
  return true;
}

void SseReader::field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (std::exchange(has_data_, true)) event_.data.push_back('\n');
    event_.data.append(value);
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) event_.id = value;
  } else if (name == "retry") {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (ec == std::errc() && end == value.data() + value.size() && number >= 0 && value.front() != '-')
      event_.retry = milliseconds(number);
  }
}

}  // namespace holdfast::net
