#include "front/event_log.h"

#include <gtest/gtest.h>

#include "front/front_testing.h"

namespace holdfast::front {
namespace {

using namespace testing_tools;

std::string text_of(const std::vector<Piece>& pieces) {
  std::string out;
  for (const Piece& piece : pieces) out += *piece;
  return out;
}

struct EventLogTest : testing::Test {
  LoopThread thread;
  std::shared_ptr<BodyStream> listener(std::size_t limit = 1 << 20) {
    return std::make_shared<BodyStream>(thread.loop.get_executor(), limit);
  }
  BodyStream::Batch heard_by(BodyStream& stream) {
    return thread.await(stream.next(std::chrono::steady_clock::now()));
  }
};

TEST_F(EventLogTest, every_line_of_data_is_one_of_the_event) {
  EXPECT_EQ(sse_event({3, 17}, "{}"), "id: 3-17\ndata: {}\n\n");
  EXPECT_EQ(sse_event({0, 1}, "a\nb\r\nc\rd\n"), "id: 0-1\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(sse_event({1, 1}, "", milliseconds(500)), "id: 1-1\nretry: 500\ndata: \n\n");
}

TEST_F(EventLogTest, only_ids_of_ours_are_read) {
  const auto id = parse_event_id("3-17");
  ASSERT_TRUE(id);
  EXPECT_EQ(to_string(*id), "3-17");
  for (const char* wrong :
       {"", "3", "-", "3-", "-17", "3-17 ", "+3-17", "3--17", "3-17-1", "99999999999999999999-1"})
    EXPECT_FALSE(parse_event_id(wrong)) << wrong;
}

TEST_F(EventLogTest, who_comes_back_hears_the_rest_of_that_stream_only) {
  EventLog log({});
  EventStream one(log, 1), two(log, 2);
  one.say("a");
  two.say("x");
  one.say("b");
  two.say("y");
  EXPECT_EQ(text_of(log.after({1, 1})), "id: 1-2\ndata: b\n\n");
  EXPECT_EQ(text_of(log.after({2, 0})), "id: 2-1\ndata: x\n\nid: 2-2\ndata: y\n\n");
  EXPECT_EQ(text_of(log.after({2, 2})), "");
}

TEST_F(EventLogTest, over_its_bounds_the_oldest_goes_and_answers_last) {
  EventLog log({.events = 3, .bytes = 1000});
  EventStream one(log, 1);
  one.answer("answer", "");
  for (const char* text : {"a", "b", "c"}) one.say(text);
  EXPECT_EQ(text_of(log.after({1, 0})), "id: 1-1\ndata: answer\n\nid: 1-3\ndata: b\n\nid: 1-4\ndata: c\n\n");
  one.say(std::string(900, 'x'));
  EXPECT_EQ(log.after({1, 0}).size(), 3U);
  one.say(std::string(990, 'y'));  // as long as everything together may be: with its frame it is too long
  EXPECT_EQ(log.after({1, 0}).size(), 3U);
  EXPECT_EQ(log.after({1, 5}).size(), 0U);
}

TEST_F(EventLogTest, an_answer_too_large_to_be_kept_leaves_word_of_it) {
  EventLog log({.events = 3, .bytes = 100});
  EventStream one(log, 1);
  one.answer(std::string(200, 'x'), "too large");
  EXPECT_EQ(text_of(log.after({1, 0})), "id: 1-1\ndata: too large\n\n");
}

TEST_F(EventLogTest, what_nobody_heard_waits_for_the_next_listener_and_no_other) {
  EventLog log({});
  EventStream stream(log, 0);
  stream.say("a");
  const auto first = listener(), second = listener();
  stream.listen(first, {}, {});
  stream.say("b");
  EXPECT_EQ(text_of(heard_by(*first).pieces), "id: 0-1\ndata: a\n\nid: 0-2\ndata: b\n\n");
  first->close();
  EXPECT_FALSE(stream.listened());
  EXPECT_TRUE(stream.left_at());
  stream.say("c");
  stream.listen(second, {}, milliseconds(1));
  EXPECT_EQ(text_of(heard_by(*second).pieces), "id: 0-3\ndata: c\n\n");
  stream.listen(listener(), 1, {});  // takes over
  EXPECT_TRUE(heard_by(*second).last);
}

TEST_F(EventLogTest, a_primed_listener_knows_from_where_to_go_on) {
  EventLog log({});
  EventStream stream(log, 4);
  const auto first = listener(), second = listener();
  stream.listen(first, {}, milliseconds(1000));
  EXPECT_EQ(text_of(heard_by(*first).pieces), "id: 4-1\nretry: 1000\ndata: \n\n");
  first->close();
  stream.say("a");
  stream.listen(second, 1, {});
  EXPECT_EQ(text_of(heard_by(*second).pieces), "id: 4-2\ndata: a\n\n");
}

TEST_F(EventLogTest, a_stream_without_ids_keeps_only_what_nobody_has_heard_yet) {
  EventLog log({});
  EventStream stream(log, 0);
  stream.without_ids();
  stream.say("a\nb");
  const auto body = std::make_shared<BodyStream>(thread.loop.get_executor(), 1000);
  stream.listen(body, {}, {});
  stream.say("c");
  EXPECT_EQ(text_of(heard_by(*body).pieces),
            "event: message\ndata: a\ndata: b\n\nevent: message\ndata: c\n\n");
  EXPECT_EQ(log.after({0, 0}).size(), 1U);
}

TEST_F(EventLogTest, what_is_old_is_forgotten_unless_nobody_heard_it) {
  EventLog log({});
  EventStream get(log, 0), post(log, 1);
  get.say("a");
  post.say("x");
  log.forget(std::chrono::steady_clock::now() + 1s, get.heard());
  EXPECT_EQ(log.after({0, 0}).size(), 1U);
  EXPECT_EQ(log.after({1, 0}).size(), 0U);
}

TEST_F(EventLogTest, a_body_that_is_read_too_slowly_closes_but_one_piece_always_fits) {
  BodyStream body(thread.loop.get_executor(), 10);
  bool told = false;
  body.on_closed([&] { told = true; });
  const auto large = std::make_shared<const std::string>(100, 'x'),
             small = std::make_shared<const std::string>("y");
  EXPECT_TRUE(body.write(large));
  EXPECT_EQ(heard_by(body).pieces.size(), 1U);  // under way still
  EXPECT_FALSE(told);
  EXPECT_FALSE(body.write(small));
  EXPECT_TRUE(told);
  EXPECT_FALSE(body.open());
  EXPECT_TRUE(heard_by(body).last);
}

}  // namespace
}  // namespace holdfast::front
