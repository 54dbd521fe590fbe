#include "custody/keeper_protocol.h"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast::custody {
namespace {

auto bytes_of(const KeeperDatagram& message) { return std::as_bytes(std::span(&message, 1)); }

// The ladder's table is indexed by what the keeper says.
TEST(KeeperProtocol, a_rung_that_is_none_is_not_heard) {
  KeeperDatagram message{.kind = KeeperMessage::stopping, .a = 3, .b = 0};
  EXPECT_TRUE(from_keeper(bytes_of(message)));
  message.a = 77;
  EXPECT_FALSE(from_keeper(bytes_of(message)));
  message.a = 3;
  message.b = 99;
  EXPECT_FALSE(from_keeper(bytes_of(message)));
}

TEST(KeeperProtocol, numbers_that_are_no_process_exit_or_signal_are_not_heard) {
  EXPECT_FALSE(from_keeper(bytes_of({.kind = KeeperMessage::started, .a = -1, .b = 1})));
  EXPECT_FALSE(from_keeper(bytes_of({.kind = KeeperMessage::started, .a = 1LL << 32, .b = 1})));
  EXPECT_FALSE(from_keeper(bytes_of({.kind = KeeperMessage::leader_exited, .a = 256})));
  EXPECT_FALSE(from_gateway(bytes_of({.kind = KeeperMessage::signal, .a = 65})));
  EXPECT_FALSE(from_gateway(bytes_of({.kind = KeeperMessage::signal, .a = -9})));
}

TEST(KeeperProtocol, a_stop_is_heard_whatever_its_graces_and_they_can_be_added_to_a_clock) {
  const KeeperDatagram message{
      .kind = KeeperMessage::stop, .a = -1, .b = std::numeric_limits<std::int64_t>::max()};
  const auto heard = from_gateway(bytes_of(message));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->a, 0);
  EXPECT_LT(heard->b, std::numeric_limits<std::int64_t>::max() / 1'000'000);
}

TEST(KeeperProtocol, nobody_hears_his_own_words_nor_another_versions) {
  KeeperDatagram message{.kind = KeeperMessage::stop, .a = 1, .b = 1};
  EXPECT_FALSE(from_keeper(bytes_of(message)));
  EXPECT_FALSE(from_gateway(bytes_of(message).first(sizeof message - 1)));
  message.version = kKeeperProtocol + 1;
  EXPECT_FALSE(from_gateway(bytes_of(message)));
}

}  // namespace
}  // namespace holdfast::custody
