#include "front/body_stream.h"

#include <utility>

#include "base/mutant.h"

namespace holdfast::front {

using std::chrono::steady_clock;

bool BodyStream::write(Piece piece) {
  if (!open()) return false;
  const std::size_t held = waiting_bytes_ + under_way_bytes_;
  if (held > 0 && held + piece->size() > limit_ && kSwitchedOff != Mechanism::slow_readers_go) {
    close();
    return false;
  }
  waiting_bytes_ += piece->size();
  waiting_.push_back(std::move(piece));
  news_.set();
  share_.set(waiting_bytes_ + under_way_bytes_);
  return open();
}

void BodyStream::finish() {
  finished_ = true;
  news_.set();
}

asio::awaitable<BodyStream::Batch> BodyStream::next(steady_clock::time_point deadline) {
  under_way_bytes_ = 0;
  share_.set(waiting_bytes_);
  (void)co_await news_.wait_until(deadline);
  news_.clear();
  under_way_bytes_ = std::exchange(waiting_bytes_, 0);
  co_return Batch{std::exchange(waiting_, {}), finished_ || closed_at_.has_value()};
}

void BodyStream::close() {
  if (closed_at_) return;
  closed_at_ = steady_clock::now();
  waiting_.clear();
  waiting_bytes_ = 0;
  share_.set(0);
  news_.set();
  if (const auto hook = std::exchange(on_closed_, nullptr)) hook();
}

}  // namespace holdfast::front
