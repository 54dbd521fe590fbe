// Server-sent events: their text, their ids, and what a client that lost its connection may ask for again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "front/body_stream.h"

namespace holdfast::front {

// Unique in a session; says of which stream an event is.
struct EventId {
  std::uint64_t stream = 0, number = 0;
};
std::string to_string(EventId id);                             // "3-17"
std::optional<EventId> parse_event_id(std::string_view text);  // nullopt: none of ours

// One event as text. Each line of `data` becomes one of the event's; no `retry`: no such field.
std::string sse_event(EventId id, std::string_view data, std::optional<milliseconds> retry = {});

// The same by HTTP+SSE, where events have names and no ids.
std::string named_event(std::string_view name, std::string_view data);

// What idle streams carry: a comment.
inline constexpr std::string_view kSseKeepAlive = ":\n\n";

struct ReplayLimits {
  std::size_t events = 512, bytes = 4U << 20;
};

// The last events of a session, all its streams together. Over its bounds the oldest goes, and answers last.
class EventLog {
 public:
  explicit EventLog(ReplayLimits limits, std::shared_ptr<Backlog> backlog = nullptr)
      : limits_(limits), share_(std::move(backlog), Backlog::Kind::replay, [this] { forget_all(); }) {}

  // Whether one event of so many bytes can be kept at all; add() drops what cannot.
  [[nodiscard]] bool holds(std::size_t bytes) const { return limits_.events > 0 && bytes <= limits_.bytes; }
  void add(EventId id, Piece text, bool answer);
  // Of the same stream, later than `last`, in order.
  [[nodiscard]] std::vector<Piece> after(EventId last) const;
  // Drops what is older, but for what nobody has heard of stream 0 (its number is above `heard`).
  void forget(std::chrono::steady_clock::time_point before, std::uint64_t heard);

 private:
  struct Kept {
    EventId id;
    Piece text;
    bool answer;
    std::chrono::steady_clock::time_point at;
  };
  void make_room();
  void forget_all();

  ReplayLimits limits_;
  std::deque<Kept> kept_;
  std::size_t bytes_ = 0;
  Backlog::Share share_;
};

// One stream of a session. What is said on it goes to whoever listens now, and stays in the log for who comes
// back. The log outlives it.
class EventStream {
 public:
  EventStream(EventLog& log, std::uint64_t number) : log_(log), number_(number) {}

  // By HTTP+SSE: nobody comes back to it, so that only what nobody has heard yet is kept.
  void without_ids() { named_ = true; }

  void say(std::string_view message) { say(message, false); }
  // The last message of a POST's stream. If it is too large for the log, `stand_in` is kept.
  void answer(std::string_view message, std::string_view stand_in);
  // From now on `listener` hears it, and whoever listened before no more: first what came after event
  // `after`, or, without, what nobody has heard yet. If that is nothing and `retry` is given, an event
  // without data tells from where to go on, and after how long.
  void listen(std::shared_ptr<BodyStream> listener, std::optional<std::uint64_t> after,
              std::optional<milliseconds> retry);
  void finish();

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::uint64_t heard() const { return heard_; }
  [[nodiscard]] bool listened() const { return listener_ && listener_->open(); }
  // When the last listener went; nullopt: there was none, or it is there.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> left_at() const;

 private:
  void say(std::string_view message, bool answer);

  EventLog& log_;
  std::uint64_t number_;
  bool named_ = false;
  std::uint64_t last_ = 0, heard_ = 0;  // events; heard: given to a listener
  std::shared_ptr<BodyStream> listener_;
};

}  // namespace holdfast::front
