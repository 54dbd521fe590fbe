#include "front/event_log.h"

#include <algorithm>
#include <charconv>

namespace holdfast::front {

using std::chrono::steady_clock;

namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The rest of an event.
void append_data(std::string& out, std::string_view data) {
  for (bool more = true; more;) {
    const auto end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).append("\n");
    more = end != std::string_view::npos;
    if (more) data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  out += "\n";
}

}  // namespace

std::string to_string(EventId id) { return std::to_string(id.stream) + "-" + std::to_string(id.number); }

std::optional<EventId> parse_event_id(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto stream = number_of(text.substr(0, dash)), number = number_of(text.substr(dash + 1));
  if (!stream || !number) return std::nullopt;
  const EventId id{*stream, *number};
  return to_string(id) == text ? std::optional(id) : std::nullopt;  // "03-1" is none that we wrote
}

std::string sse_event(EventId id, std::string_view data, std::optional<milliseconds> retry) {
  std::string out;
  out.reserve(data.size() + 64);
  out.append("id: ").append(to_string(id)).append("\n");
  if (retry) out.append("retry: ").append(std::to_string(retry->count())).append("\n");
  append_data(out, data);
  return out;
}

std::string named_event(std::string_view name, std::string_view data) {
  std::string out;
  out.reserve(data.size() + 64);
  out.append("event: ").append(name).append("\n");
  append_data(out, data);
  return out;
}

void EventLog::add(EventId id, Piece text, bool answer) {
  if (!holds(text->size())) return;
  bytes_ += text->size();
  kept_.push_back({id, std::move(text), answer, steady_clock::now()});
  while (bytes_ > limits_.bytes || kept_.size() > limits_.events) make_room();
  share_.set(bytes_);
}

// An answer that nobody got is worth more than what was said on the way to it.
void EventLog::make_room() {
  auto victim = std::ranges::find(kept_, false, &Kept::answer);
  if (victim == kept_.end()) victim = kept_.begin();
  bytes_ -= victim->text->size();
  kept_.erase(victim);
}

std::vector<Piece> EventLog::after(EventId last) const {
  std::vector<Piece> out;
  for (const Kept& kept : kept_) {
    if (kept.id.stream == last.stream && kept.id.number > last.number) out.push_back(kept.text);
  }
  return out;
}

void EventLog::forget(steady_clock::time_point before, std::uint64_t heard) {
  std::erase_if(kept_, [&](const Kept& kept) {
    const bool unheard = kept.id.stream == 0 && kept.id.number > heard;
    if (kept.at >= before || unheard) return false;
    bytes_ -= kept.text->size();
    return true;
  });
  share_.set(bytes_);
}

void EventLog::forget_all() {
  kept_.clear();
  bytes_ = 0;
}

void EventStream::say(std::string_view message, bool answer) {
  const EventId id{number_, ++last_};
  const auto text =
      std::make_shared<const std::string>(named_ ? named_event("message", message) : sse_event(id, message));
  if (!named_ || !listener_) log_.add(id, text, answer);
  if (listener_ && listener_->write(text)) heard_ = last_;
}

void EventStream::answer(std::string_view message, std::string_view stand_in) {
  const EventId id{number_, last_ + 1};
  say(message, true);
  if (!log_.holds(message.size() + 64))  // what frames it
    log_.add(id, std::make_shared<const std::string>(sse_event(id, stand_in)), true);
}

void EventStream::listen(std::shared_ptr<BodyStream> listener, std::optional<std::uint64_t> after,
                         std::optional<milliseconds> retry) {
  if (listener_) listener_->finish();
  listener_ = std::move(listener);
  auto pieces = log_.after({number_, after.value_or(heard_)});
  if (pieces.empty() && retry)
    pieces.push_back(std::make_shared<const std::string>(sse_event({number_, ++last_}, "", retry)));
  for (const Piece& piece : pieces) listener_->write(piece);
  if (listener_->open()) heard_ = last_;
}

void EventStream::finish() {
  if (listener_) listener_->finish();
}

std::optional<steady_clock::time_point> EventStream::left_at() const {
  return listener_ ? listener_->closed_at() : std::nullopt;
}

}  // namespace holdfast::front
