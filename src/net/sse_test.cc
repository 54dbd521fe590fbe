#include "net/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace holdfast::net {
namespace {

using ::testing::ElementsAre;

std::string show(const SseEvent& event) {
  std::string out = event.type + "|" + event.data;
  if (event.id) out += "|id=" + *event.id;
  if (event.retry) out += "|retry=" + std::to_string(event.retry->count());
  return out;
}

// In pieces of `size` bytes.
std::vector<std::string> read(std::string_view text, std::size_t size = 1 << 20) {
  SseReader reader(1000);
  std::vector<std::string> events;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    const auto fed = reader.feed(text.substr(0, size), [&](SseEvent&& event) {
      events.push_back(show(event));
      return true;
    });
    if (!fed) return {fed.error().message()};
  }
  return events;
}

TEST(Sse, events_come_out_whole_however_the_bytes_come_in) {
  const std::string_view text =
      "\xEF\xBB\xBF"
      "event: message\nid: 7\ndata: {\"a\":1}\n\n: comment\n\ndata:x\r\ndata: y\r\n\r\ndata\rdata\r\rid: "
      "8\n\n";
  for (const std::size_t size : {1UL, 2UL, 3UL, 1000UL})
    EXPECT_THAT(read(text, size), ElementsAre("message|{\"a\":1}|id=7", "|x\ny", "|\n", "||id=8")) << size;
}

TEST(Sse, a_priming_event_carries_its_id_and_the_time_to_come_back) {
  EXPECT_THAT(read("id: s1\nretry: 500\ndata: \n\n"), ElementsAre("||id=s1|retry=500"));
  EXPECT_THAT(read("retry: -5\n\nretry: 5s\n\nretry:\n\nretry: 99999999999999999999\n\n"), ElementsAre());
  EXPECT_THAT(read(std::string_view("id: a\0b\n\n", 9)), ElementsAre()) << "an id holds no NUL";
}

TEST(Sse, what_the_end_of_the_stream_cuts_off_is_no_event) {
  EXPECT_THAT(read("data: one\n\ndata: tw"), ElementsAre("|one"));
  EXPECT_THAT(read("data: one\n\ndata: two\n"), ElementsAre("|one"));
}

TEST(Sse, an_event_that_never_ends_is_refused) {
  EXPECT_THAT(read("data: " + std::string(994, 'x') + "\n\n"), ElementsAre("|" + std::string(994, 'x')));
  EXPECT_THAT(read("data: " + std::string(995, 'x') + "\n\n", 7),
              ElementsAre(::testing::HasSubstr("longer than 1000 bytes")));
  EXPECT_THAT(read(std::string(2000, ':'), 100), ElementsAre(::testing::HasSubstr("longer than 1000 bytes")));
}

TEST(Sse, who_is_told_may_stop) {
  SseReader reader(100);
  int told = 0;
  EXPECT_TRUE(reader.feed("data: 1\n\ndata: 2\n\n", [&](SseEvent&&) { return ++told, false; }));
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace holdfast::net
