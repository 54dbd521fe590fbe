#include "gateway/turnstile.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/test_support.h"

namespace holdfast::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct TurnstileTest : testing::Test {
  asio::io_context loop;
  Turnstile turnstile{loop.get_executor(), 3};
  std::vector<int> order;
  std::vector<std::error_code> errors;
  int inside = 0, most_inside = 0;

  asio::awaitable<void> pass(int number, milliseconds stay, milliseconds patience) {
    auto turn = co_await turnstile.enter(steady_clock::now() + patience);
    if (!turn) {
      errors.push_back(turn.error().code);
      co_return;
    }
    order.push_back(number);
    most_inside = std::max(most_inside, ++inside);
    (void)co_await sleep_until(steady_clock::now() + stay);
    --inside;
  }
  void run_all() {
    loop.restart();
    loop.run_for(10s);
  }
};

TEST_F(TurnstileTest, lets_one_through_at_a_time_in_the_order_of_asking) {
  TaskGroup group(loop.get_executor());
  for (int i = 0; i < 4; ++i) group.spawn("pass", pass(i, 5ms, 10s));
  run_all();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(most_inside, 1);
}

TEST_F(TurnstileTest, the_queue_is_bounded) {
  TaskGroup group(loop.get_executor());
  for (int i = 0; i < 6; ++i) group.spawn("pass", pass(i, 5ms, 10s));
  run_all();
  EXPECT_EQ(order.size(), 4U);
  EXPECT_EQ(errors, (std::vector<std::error_code>(2, make_error_code(Errc::limit))));
}

TEST_F(TurnstileTest, who_gives_up_or_is_cancelled_while_waiting_takes_nobodys_turn) {
  TaskGroup first(loop.get_executor()), hasty(loop.get_executor()), cancelled(loop.get_executor());
  first.spawn("pass", pass(0, 50ms, 10s));
  hasty.spawn("pass", pass(1, 5ms, 10ms));
  cancelled.spawn("pass", pass(2, 5ms, 10s));
  first.spawn("pass", pass(3, 5ms, 10s));
  loop.run_for(20ms);
  cancelled.cancel();
  run_all();
  EXPECT_EQ(order, (std::vector<int>{0, 3}));
  EXPECT_EQ(errors,
            (std::vector<std::error_code>{make_error_code(Errc::timeout), make_error_code(Errc::cancelled)}));
}

// Let through and cancelled in the same turn of the loop: the turn is passed on and not lost.
TEST_F(TurnstileTest, a_turn_that_comes_together_with_the_cancel_is_passed_on) {
  TaskGroup group(loop.get_executor()), cancelled(loop.get_executor());
  std::optional<Turnstile::Turn> held;
  const auto hold = [](Turnstile& t, std::optional<Turnstile::Turn>& out) -> asio::awaitable<void> {
    out.emplace(*co_await t.enter(steady_clock::now() + 10s));
  };
  group.spawn("hold", hold(turnstile, held));
  cancelled.spawn("pass", pass(1, 0ms, 10s));
  group.spawn("pass", pass(2, 0ms, 10s));
  loop.run_for(10ms);
  ASSERT_TRUE(held);
  held.reset();
  cancelled.cancel();
  run_all();
  EXPECT_EQ(order.back(), 2);
  EXPECT_EQ(inside, 0);
}

}  // namespace
}  // namespace holdfast::gateway
