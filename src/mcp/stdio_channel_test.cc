#include "mcp/stdio_channel.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "mcp/line_buffer.h"
#include "mcp/test_peer.h"

namespace holdfast::mcp {
namespace {

// Feeds `text` in pieces; the lines that came out, oversized ones as "<size id>".
std::vector<std::string> lines_of(LineBuffer& buffer, std::string_view text, std::size_t piece,
                                  std::size_t* most = nullptr) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto room = buffer.room();
    const std::size_t n = std::min({room.size(), piece, text.size()});
    std::copy_n(text.data(), n, room.data());
    if (most) *most = std::max(*most, room.size());
    text.remove_prefix(n);
    buffer.filled(n);
    for (;;) {
      if (const auto line = buffer.next()) {
        lines.emplace_back(line->view());
      } else if (const auto skipped = buffer.skipped()) {
        lines.push_back("<" + std::to_string(skipped->size) + " " + skipped->id +
                        (skipped->has_method ? " method>" : ">"));
      } else {
        break;
      }
    }
  }
  return lines;
}

TEST(LineBuffer, tolerates_blank_lines_and_carriage_returns) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    LineBuffer buffer(100);
    EXPECT_EQ(lines_of(buffer, "a\n\r\n  \n\nbc\r\nd\re\n\xc3\xbc\nrest", piece),
              (std::vector<std::string>{"a", "bc", "d\re", "\xc3\xbc"}));
  }
}

TEST(LineBuffer, skips_a_line_beyond_the_limit_and_names_its_id) {
  const std::string text = std::string(50, 'x');
  for (std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1000U}) {
    LineBuffer buffer(40);
    const std::string input = "{\"first\":1}\n{\"id\":7,\"result\":\"" + text + "\"}\n{\"second\":2}\n" +
                              "{\"result\":{\"id\":1,\"t\":[\"\\\"id\\\":5,{" + text +
                              "\"]},\"id\" : \"k\\\"\"}\n" + "{\"method\":\"" + text + "\",\"id\":0}\n" +
                              text + "\n{\"third\":3}\n";
    EXPECT_EQ(lines_of(buffer, input, piece),
              (std::vector<std::string>{"{\"first\":1}", "<70 7>", "{\"second\":2}", "<101 \"k\\\"\">",
                                        "<70 0 method>", "<50 >", "{\"third\":3}"}))
        << piece;
  }
}

TEST(LineBuffer, the_limit_itself_is_allowed) {
  LineBuffer buffer(10);
  EXPECT_EQ(lines_of(buffer, "0123456789\n0123456789\r\n0123456789a\n", 4),
            (std::vector<std::string>{"0123456789", "0123456789", "<11 >"}));
}

TEST(LineBuffer, memory_is_bounded_while_a_line_is_skipped) {
  LineBuffer buffer(1 << 20);
  std::size_t most = 0;
  const std::string input = "{\"id\":3,\"x\":\"" + std::string(64 << 20, 'x') + "\"}\nok\n";
  EXPECT_EQ(lines_of(buffer, input, 65536, &most), (std::vector<std::string>{"<67108879 3>", "ok"}));
  EXPECT_LE(most, std::size_t{2} << 20);
}

TEST(LineBuffer, a_long_line_is_padded_and_whole) {
  LineBuffer buffer(64 << 20);
  const std::string big(20 << 20, 'y');
  EXPECT_EQ(lines_of(buffer, "s\n" + big + "\nt\n", 4096), (std::vector<std::string>{"s", big, "t"}));
}

class StdioChannel : public ::testing::Test {
 protected:
  void open(StdioChannelOptions options = {}) {
    channel = make_stdio_channel(loop.get_executor(), peer.in(), peer.out(), options);
    channel->start({.line = [this](PaddedText line) { lines.emplace_back(line.view()); },
                    .oversized = [this](const Skimmed& report) { oversized.push_back(report); },
                    .closed = [this](const Error& why) { closed.push_back(why.message()); }});
  }
  asio::io_context loop;
  Peer peer{loop};
  std::unique_ptr<Channel> channel;
  std::vector<std::string> lines;
  std::vector<Skimmed> oversized;
  std::vector<std::string> closed;
};

TEST_F(StdioChannel, reads_lines_and_writes_lines) {
  open();
  peer.say("{\"a\":1}\n{\"b\":");
  ASSERT_TRUE(run_until(loop, [&] { return lines.size() == 1; }));
  peer.say("2}\n");
  ASSERT_TRUE(run_until(loop, [&] { return lines.size() == 2; }));
  EXPECT_EQ(lines[1], "{\"b\":2}");
  ASSERT_TRUE(channel->send("one"));
  ASSERT_TRUE(channel->send("two"));
  EXPECT_EQ(peer.hear(), "one");
  EXPECT_EQ(peer.hear(), "two");
  EXPECT_TRUE(closed.empty());
}

asio::awaitable<void> flush_and_note(Channel& channel, steady_clock::time_point deadline,
                                     std::optional<bool>& note) {
  note = co_await channel.flush(deadline);
}

TEST_F(StdioChannel, keeps_order_and_every_byte_when_the_peer_reads_slowly) {
  open();
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < 300; ++i) {
    sent.push_back(std::to_string(i) + ":" + std::string(i * 37 % 5000, 'z'));
    ASSERT_TRUE(channel->send(sent.back()));
  }
  TaskGroup group(loop.get_executor());
  std::optional<bool> flushed;
  group.spawn("flush", flush_and_note(*channel, steady_clock::now() + 5s, flushed));
  loop.poll();
  EXPECT_FALSE(flushed) << "more than a pipe holds cannot be out yet";
  for (const std::string& line : sent) ASSERT_EQ(peer.hear(), line);
  ASSERT_TRUE(run_until(loop, [&] { return flushed.has_value(); }));
  EXPECT_TRUE(*flushed);
}

TEST_F(StdioChannel, bounds_what_waits_to_be_written) {
  open({.line_limit = 1 << 20, .queue_limit = 100'000});
  int accepted = 0;
  Result<void> last;
  for (; accepted < 1000; ++accepted)
    if (last = channel->send(std::string(10'000, 'q')); !last) break;
  ASSERT_FALSE(last);
  EXPECT_TRUE(last.error().is(Errc::limit));
  EXPECT_LE(accepted, 17);  // the queue, and what the pipe took
  for (int i = 0; i < accepted; ++i) EXPECT_EQ(peer.hear().size(), 10'000U);
  EXPECT_TRUE(channel->send("there is room again"));
  EXPECT_EQ(peer.hear(), "there is room again");
}

TEST_F(StdioChannel, a_flush_ends_at_its_deadline) {
  open();
  ASSERT_TRUE(channel->send(std::string(1 << 20, 'q')));
  TaskGroup group(loop.get_executor());
  std::optional<bool> flushed;
  group.spawn("flush", flush_and_note(*channel, steady_clock::now() + 1ms, flushed));
  ASSERT_TRUE(run_until(loop, [&] { return flushed.has_value(); }));
  EXPECT_FALSE(*flushed);
}

TEST_F(StdioChannel, end_of_file_is_told_once_after_the_last_line) {
  open();
  peer.say("last\nhalf a line");
  peer.close_output();
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_EQ(lines, (std::vector<std::string>{"last"}));
  EXPECT_FALSE(channel->send("x"));
  peer.close_input();
  loop.restart();
  loop.run_for(10ms);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_NE(closed[0].find("closed its output"), std::string::npos) << closed[0];
}

TEST_F(StdioChannel, a_broken_pipe_is_told_once_and_last_words_are_heard) {
  open();
  loop.poll();
  peer.close_input();
  peer.say("last words\n");
  ASSERT_TRUE(channel->send("into the void"));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
  EXPECT_EQ(lines, (std::vector<std::string>{"last words"}));
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_NE(closed[0].find("closed its input"), std::string::npos) << closed[0];
  auto sent = channel->send("x");
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(Errc::closed));
}

TEST_F(StdioChannel, lent_descriptors_are_given_back_open) {
  open();
  loop.poll();
  channel->release();
  loop.restart();
  loop.run();  // ends: nothing is pending
  EXPECT_TRUE(peer.ends_are_still_open());
  peer.say("nobody listens\n");
  channel.reset();
  EXPECT_TRUE(peer.ends_are_still_open());
  EXPECT_TRUE(lines.empty());
  EXPECT_TRUE(closed.empty());
}

TEST_F(StdioChannel, reading_goes_on_after_writing_stopped) {
  open();
  ASSERT_TRUE(channel->send(std::string(1 << 20, 'q')));
  loop.poll();
  channel->stop_writing();
  EXPECT_FALSE(channel->writable());
  EXPECT_FALSE(channel->send("x"));
  peer.say("still here\n");
  ASSERT_TRUE(run_until(loop, [&] { return !lines.empty(); }));
  EXPECT_TRUE(closed.empty());
}

TEST_F(StdioChannel, an_event_may_destroy_it) {
  channel = make_stdio_channel(loop.get_executor(), peer.in(), peer.out(), {});
  channel->start({.line =
                      [this](PaddedText line) {
                        lines.emplace_back(line.view());
                        channel.reset();
                      },
                  .oversized = {},
                  .closed = [this](const Error& why) { closed.push_back(why.message()); }});
  peer.say("a\nb\n");
  ASSERT_TRUE(run_until(loop, [&] { return !lines.empty(); }));
  loop.restart();
  loop.run();
  EXPECT_EQ(lines.size(), 1U);
  EXPECT_TRUE(closed.empty());
}

TEST_F(StdioChannel, a_descriptor_that_cannot_be_watched_is_a_closed_channel) {
  channel = make_stdio_channel(loop.get_executor(), -1, -1, {});
  channel->start(
      {.line = {}, .oversized = {}, .closed = [this](const Error& why) { closed.push_back(why.message()); }});
  EXPECT_FALSE(channel->send("x"));
  ASSERT_TRUE(run_until(loop, [&] { return !closed.empty(); }));
}

}  // namespace
}  // namespace holdfast::mcp
