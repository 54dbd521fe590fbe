#include "base/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <exception>
#include <list>
#include <utility>

#include "base/log.h"

namespace holdfast {

using std::chrono::steady_clock;

namespace {

asio::awaitable<void> cancellation_as_a_value(asio::awaitable<void> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

}  // namespace

struct TaskGroup::State {
  explicit State(const asio::any_io_executor& ex) : executor(ex) {}
  asio::any_io_executor executor;
  std::list<asio::cancellation_signal>
      running;  // a list: a signal must not move while a coroutine holds its slot
  Event none_left{executor};
};

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(executor)) {
  state_->none_left.set();
}
TaskGroup::~TaskGroup() { cancel(); }

void TaskGroup::spawn(std::string_view name, asio::awaitable<void> task) {
  state_->none_left.clear();
  const auto mine = state_->running.emplace(state_->running.end());
  asio::co_spawn(state_->executor, cancellation_as_a_value(std::move(task)),
                 asio::bind_cancellation_slot(
                     mine->slot(), [state = state_, mine, name](const std::exception_ptr& thrown) {
                       state->running.erase(mine);
                       if (state->running.empty()) state->none_left.set();
                       if (!thrown) return;
                       try {
                         std::rethrow_exception(thrown);
                       } catch (const boost::system::system_error& e) {
                         if (e.code() == asio::error::operation_aborted)
                           return;  // cancelled: a way to end like another
                         log::error("task.failed", {{"task", name}, {"error", e.what()}});
                       } catch (const std::exception& e) {
                         log::error("task.failed", {{"task", name}, {"error", e.what()}});
                       }
                       std::abort();
                     }));
}

void TaskGroup::cancel() {
  if (state_->running.empty()) return;
  // On the loop, where the signals arrive at once. Off it, co_spawn would post each of them with a pointer
  // into our node, and a coroutine that ends before the post runs takes the node with it.
  asio::dispatch(state_->executor, [state = state_] {
    // An emitted signal may end its coroutine at once, which erases the node: step on before emitting.
    for (auto it = state->running.begin(); it != state->running.end();)
      (it++)->emit(asio::cancellation_type::terminal);
  });
}

asio::awaitable<bool> TaskGroup::join(steady_clock::time_point deadline) {
  const auto state = state_;
  co_return co_await state->none_left.wait_until(deadline);
}

std::size_t TaskGroup::running() const { return state_->running.size(); }

struct Event::State {
  struct Waiter {
    asio::steady_timer timer;  // wakes at the waiter's own deadline, or when set() cancels it
    bool woken = false;
  };
  // A waiter leaves the list however its coroutine ends, even if the loop is destroyed under it.
  struct Place {
    State& state;
    std::list<Waiter*>::iterator at;
    ~Place() { state.waiters.erase(at); }
  };
  std::list<Waiter*> waiters;
  bool set = false;
};

Event::Event(const asio::any_io_executor&) : state_(std::make_shared<State>()) {}
Event::~Event() {
  for (State::Waiter* waiter : state_->waiters) waiter->timer.cancel();
}

void Event::set() {
  state_->set = true;
  for (State::Waiter* waiter : state_->waiters) {
    waiter->woken = true;
    waiter->timer.cancel();
  }
}
void Event::clear() { state_->set = false; }
bool Event::is_set() const { return state_->set; }

asio::awaitable<bool> Event::wait_until(steady_clock::time_point deadline) {
  const auto state = state_;  // the Event may go first
  if (state->set) co_return true;
  State::Waiter me{asio::steady_timer(co_await asio::this_coro::executor, deadline)};
  const State::Place place{*state, state->waiters.insert(state->waiters.end(), &me)};
  boost::system::error_code ignored;
  co_await me.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return me.woken;
}

asio::awaitable<bool> sleep_until(steady_clock::time_point deadline) {
  const bool before = co_await is_cancelled();  // then this is somebody's clean-up
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  boost::system::error_code ec;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  // A cancellation that comes when the timer has fired already interrupts nothing, and is one all the same.
  co_return !ec && (before || !co_await is_cancelled());
}

asio::awaitable<bool> is_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace holdfast
