// Event streams, both ways: however a stream is cut into pieces it says the same, what the front writes is
// what a client reads, and an event's id comes back from its own text.
#include <optional>
#include <string>
#include <vector>

#include "front/event_log.h"
#include "fuzz.h"
#include "net/sse.h"

namespace {

using namespace holdfast;
using fuzz::require;

constexpr std::size_t kLimit = 4096;

struct Read {
  std::vector<std::string> events;
  bool failed = false;
  bool operator==(const Read&) const = default;
};

std::string text_of(const net::SseEvent& event) {
  std::string text = event.type + '\1' + event.data + '\1';
  if (event.id) text += "id " + *event.id;
  if (event.retry) text += '\1' + std::to_string(event.retry->count());
  return text;
}

// In pieces of `size` bytes.
Read read(std::string_view text, std::size_t size) {
  Read out;
  net::SseReader reader(kLimit);
  while (!text.empty() && !out.failed) {
    const auto fed = reader.feed(text.substr(0, size), [&](net::SseEvent&& event) {
      require(event.data.size() <= kLimit, "an event beyond the limit");
      require(!event.data.empty() || event.id || event.retry, "an event that says nothing");
      require(!event.retry || event.retry->count() >= 0, "a time before now");
      out.events.push_back(text_of(event));
      return true;
    });
    out.failed = !fed;
    text.remove_prefix(std::min(size, text.size()));
  }
  return out;
}

void check_pieces(std::string_view text) {
  const Read whole = read(text, text.size());
  for (const std::size_t size : {1U, 2U, 7U})
    require(read(text, size) == whole, "a stream says something else in other pieces");
}

void check_round_trip(std::string text) {
  std::erase(text, '\r');  // a message is one line by the time that it becomes an event
  const front::EventId id{.stream = text.size(), .number = 17};
  const std::string written =
      front::sse_event(id, text, text.empty() ? std::optional(milliseconds(5)) : std::nullopt);
  net::SseReader reader(written.size() + 1);
  int events = 0;
  const auto fed = reader.feed(written, [&](net::SseEvent&& event) {
    ++events;
    require(event.data == text, "other data than was written");
    require(event.id == front::to_string(id), "another id than was written");
    return true;
  });
  require(fed && events == 1, "one event that is not read as one");
  const auto again = front::parse_event_id(front::to_string(id));
  require(again && again->stream == id.stream && again->number == id.number, "an id that reads otherwise");
  if (const auto ours = front::parse_event_id(text))
    require(front::to_string(*ours) == text, "two spellings of an id");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::input = text;
  check_pieces(text);
  check_round_trip(text);
  return 0;
}
