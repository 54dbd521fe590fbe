#include "base/task_group.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <vector>

#include "base/duration.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

asio::awaitable<void> wait_and_note(Event& event, std::vector<bool>& notes, milliseconds limit) {
  notes.push_back(co_await event.wait_until(steady_clock::now() + limit));
}

TEST(Event, wakes_every_waiter_and_later_ones_at_once) {
  asio::io_context loop;
  Event event(loop.get_executor());
  TaskGroup group(loop.get_executor());
  std::vector<bool> notes;
  group.spawn("a", wait_and_note(event, notes, 10s));
  group.spawn("b", wait_and_note(event, notes, 10s));
  loop.poll();
  EXPECT_TRUE(notes.empty());
  event.set();
  event.clear();  // whoever waited has been woken all the same
  loop.run();
  EXPECT_EQ(notes, (std::vector<bool>{true, true}));
}

TEST(Event, says_false_at_the_deadline) {
  asio::io_context loop;
  Event event(loop.get_executor());
  TaskGroup group(loop.get_executor());
  std::vector<bool> notes;
  group.spawn("a", wait_and_note(event, notes, 1ms));
  loop.run();
  EXPECT_EQ(notes, (std::vector<bool>{false}));
}

asio::awaitable<void> sleep_then_clean_up(bool& cleaned, bool& saw_cancellation) {
  const bool slept = co_await sleep_until(steady_clock::now() + 1h);
  saw_cancellation = !slept && co_await is_cancelled();
  cleaned = co_await sleep_until(steady_clock::now() + 1ms);  // clean-up may await although we were cancelled
}

TEST(TaskGroup, cancellation_is_a_value_and_clean_up_may_await) {
  asio::io_context loop;
  TaskGroup group(loop.get_executor());
  bool cleaned = false;
  bool saw = false;
  group.spawn("sleeper", sleep_then_clean_up(cleaned, saw));
  loop.poll();
  EXPECT_EQ(group.running(), 1U);
  group.cancel();
  loop.restart();
  loop.run();
  EXPECT_TRUE(saw);
  EXPECT_TRUE(cleaned);
  EXPECT_EQ(group.running(), 0U);
}

// Both timers are over when the loop looks, and the blow comes first.
asio::awaitable<void> sleep_into_the_blow(asio::steady_timer& blow, TaskGroup& group,
                                          std::optional<bool>& slept) {
  blow.expires_at(steady_clock::now() - 2s);
  blow.async_wait([&group](const boost::system::error_code&) { group.cancel(); });
  slept = co_await sleep_until(steady_clock::now() - 1s);
}

TEST(TaskGroup, a_cancellation_that_comes_with_the_end_of_a_sleep_is_not_lost) {
  asio::io_context loop;
  TaskGroup group(loop.get_executor());
  asio::steady_timer blow(loop);
  std::optional<bool> slept;
  group.spawn("sleeper", sleep_into_the_blow(blow, group, slept));
  loop.run();
  EXPECT_EQ(slept, false);
}

}  // namespace
}  // namespace holdfast
