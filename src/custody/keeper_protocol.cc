#include "custody/keeper_protocol.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "custody/ladder.h"

namespace holdfast::custody {
namespace {

constexpr std::int64_t kLongestGrace = std::chrono::milliseconds(std::chrono::days(3650)).count();
constexpr std::int64_t kMostSignals = 64, kMostErrno = 4095;
constexpr std::int64_t kMostProcesses = std::numeric_limits<std::int32_t>::max();

std::optional<KeeperDatagram> whole(std::span<const std::byte> received) {
  KeeperDatagram message;
  if (received.size() != sizeof message) return std::nullopt;
  std::memcpy(&message, received.data(), sizeof message);
  if (message.version != kKeeperProtocol) return std::nullopt;
  return message;
}

constexpr bool within(std::int64_t value, std::int64_t least, std::int64_t most) {
  return value >= least && value <= most;
}
constexpr bool is(std::int64_t value, LadderState state) { return value == static_cast<std::int64_t>(state); }
constexpr bool is(std::int64_t value, LadderEvent event) { return value == static_cast<std::int64_t>(event); }

bool said_by_keeper(const KeeperDatagram& message) {
  const auto [a, b] = std::pair(message.a, message.b);
  switch (message.kind) {
    case KeeperMessage::started:
      return within(a, 1, kMostProcesses) && b >= 0;
    case KeeperMessage::spawn_failed:
      return within(a, 0, kMostErrno);
    case KeeperMessage::leader_exited:
      return within(a, 0, 255) && within(b, 0, kMostSignals);
    case KeeperMessage::stopping:
      return (is(a, LadderState::eof) || is(a, LadderState::term) || is(a, LadderState::kill)) &&
             within(b, 0, static_cast<std::int64_t>(kLastLadderEvent));
    case KeeperMessage::unkillable:
      return within(a, 0, kMostProcesses);
    case KeeperMessage::empty:
      return within(a, 0, kMostProcesses) && within(b, 0, kMostProcesses);
    case KeeperMessage::heard:
      return a != 0;
    case KeeperMessage::stop:
    case KeeperMessage::terminate:
    case KeeperMessage::signal:
    case KeeperMessage::input_back:
      return false;
  }
  return false;
}

}  // namespace

std::optional<KeeperDatagram> from_gateway(std::span<const std::byte> received) {
  auto message = whole(received);
  if (!message) return std::nullopt;
  const auto grace = [](std::int64_t value) { return std::clamp<std::int64_t>(value, 0, kLongestGrace); };
  switch (message->kind) {
    case KeeperMessage::stop:
      message->a = grace(message->a);
      message->b = grace(message->b);
      return message;
    case KeeperMessage::terminate:
      message->a = grace(message->a);
      if (!is(message->b, LadderEvent::caller_gone))
        message->b = static_cast<std::int64_t>(LadderEvent::terminate);
      return message;
    case KeeperMessage::signal:
      return within(message->a, 0, kMostSignals) ? message : std::nullopt;
    case KeeperMessage::input_back:
      return message;
    default:
      return std::nullopt;
  }
}

std::optional<KeeperDatagram> from_keeper(std::span<const std::byte> received) {
  const auto message = whole(received);
  return message && said_by_keeper(*message) ? message : std::nullopt;
}

}  // namespace holdfast::custody
