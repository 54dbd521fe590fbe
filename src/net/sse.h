// Reading an event stream (text/event-stream, WHATWG HTML "Server-sent events"): bytes as they come, events
// as they go.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "base/result.h"

namespace holdfast::net {

struct SseEvent {
  std::string type;  // of the `event` field; empty: "message"
  std::string data;  // its lines joined by newlines; empty: the event only carries an id or a retry time
  std::optional<std::string> id;
  std::optional<milliseconds> retry;
};

// Pure. Comments are dropped, and so is an event that the stream's end cuts off.
class SseReader {
 public:
  explicit SseReader(std::size_t limit) : limit_(limit) {}  // bytes of one event

  // Calls `tell` once for each event that ends within `piece`; it may stop the reading by returning false.
  // Errc::limit: an event is longer than the limit; the reader is of no more use.
  Result<void> feed(std::string_view piece, const std::function<bool(SseEvent&&)>& tell);

 private:
  bool end_of_line(const std::function<bool(SseEvent&&)>& tell);
  void field(std::string_view name, std::string_view value);

  std::size_t limit_;
  std::string line_;
  std::size_t size_ = 0;  // of the event under way
  bool after_cr_ = false;
  bool first_line_ = true;
  bool has_data_ = false;
  SseEvent event_;
};

}  // namespace holdfast::net
