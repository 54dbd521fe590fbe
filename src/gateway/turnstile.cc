#include "gateway/turnstile.h"

#include "base/plural.h"

namespace holdfast::gateway {

// A place in the queue, however its coroutine ends: one that was let through and never went passes it on.
class Turnstile::Waiter {
 public:
  explicit Waiter(Turnstile& turnstile) : called(turnstile.executor_), turnstile_(turnstile) {
    turnstile_.waiting_.push_back(this);
  }
  ~Waiter() {
    if (!called.is_set())
      turnstile_.waiting_.remove(this);
    else if (!gone_through_)
      turnstile_.pass_on();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Turn go_through() {
    gone_through_ = true;
    return Turn(turnstile_);
  }
  Event called;

 private:
  Turnstile& turnstile_;
  bool gone_through_ = false;
};

asio::awaitable<Result<Turnstile::Turn>> Turnstile::enter(std::chrono::steady_clock::time_point deadline) {
  if (!taken_) {
    taken_ = true;
    co_return Turn(*this);
  }
  if (waiting_.size() >= most_waiting_)
    co_return fail(Errc::limit, "turn", counted(waiting_.size(), "call waits", "calls wait") + " already");
  Waiter waiter(*this);
  if (co_await waiter.called.wait_until(deadline)) co_return waiter.go_through();
  if (co_await is_cancelled()) co_return fail(Errc::cancelled, "turn");
  co_return fail(Errc::timeout, "turn", "the calls before it did not end in time");
}

void Turnstile::pass_on() noexcept {
  taken_ = !waiting_.empty();
  if (!taken_) return;
  Waiter* next = waiting_.front();
  waiting_.pop_front();
  next->called.set();
}

}  // namespace holdfast::gateway
