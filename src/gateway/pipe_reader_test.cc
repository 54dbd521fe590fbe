#include "gateway/pipe_reader.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include "os/process.h"

namespace holdfast::gateway {
namespace {

class PipeReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::pipe_pair();
    ASSERT_TRUE(made);
    ASSERT_TRUE(os::set_nonblocking(made->first.get()));
    in_ = std::move(made->first);
    out_ = std::move(made->second);
  }
  void say(std::string_view text) const {
    ASSERT_EQ(::write(out_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  asio::io_context loop_;
  UniqueFd in_, out_;
  std::string heard_;
};

TEST_F(PipeReaderTest, gives_all_that_comes_until_the_end) {
  PipeReader reader(loop_.get_executor(), in_.get(), [this](std::string_view text) { heard_ += text; });
  TaskGroup group(loop_.get_executor());
  group.spawn("reader", reader.run());
  const std::string flood(50'000, 'x');
  say(flood);
  loop_.poll();
  say("end");
  out_.reset();
  loop_.run();
  EXPECT_EQ(heard_, flood + "end");
  EXPECT_EQ(group.running(), 0U);
}

TEST_F(PipeReaderTest, stop_takes_what_is_there_and_leaves_the_descriptor_to_its_owner) {
  PipeReader reader(loop_.get_executor(), in_.get(), [this](std::string_view text) { heard_ += text; });
  TaskGroup group(loop_.get_executor());
  group.spawn("reader", reader.run());
  loop_.poll();
  say("last words");
  reader.stop();
  group.cancel();  // in the moment between release and waking
  loop_.restart();
  loop_.run();
  EXPECT_EQ(heard_, "last words");
  EXPECT_EQ(group.running(), 0U);
  say("unheard");
  EXPECT_EQ(heard_, "last words");  // still open, and no longer read by us
}

TEST_F(PipeReaderTest, nothing_comes_from_no_descriptor) {
  PipeReader reader(loop_.get_executor(), -1, [this](std::string_view text) { heard_ += text; });
  TaskGroup group(loop_.get_executor());
  group.spawn("reader", reader.run());
  loop_.run();
  EXPECT_EQ(group.running(), 0U);
}

}  // namespace
}  // namespace holdfast::gateway
