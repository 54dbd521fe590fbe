// Whatever comes over the lifeline, in either direction: what is accepted is a thing that the other side
// says, every number of it may be used as what it stands for, and the ladder that it drives never goes back
// down. What a writer makes is accepted as it is.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <span>

#include "custody/keeper_protocol.h"
#include "custody/ladder.h"
#include "fuzz.h"

namespace {

using namespace holdfast::custody;
using holdfast::fuzz::require;

using Bytes = std::span<const std::byte>;
constexpr int kLast = static_cast<int>(kLastLadderEvent);

bool same(const KeeperDatagram& x, const KeeperDatagram& y) { return std::memcmp(&x, &y, sizeof x) == 0; }
Bytes bytes_of(const KeeperDatagram& message) { return std::as_bytes(std::span(&message, 1)); }

// The fields where the format has them, without the struct.
struct Raw {
  explicit Raw(Bytes bytes) {
    std::memcpy(&version, bytes.data(), 2);
    std::memcpy(&kind, bytes.data() + 2, 2);
    std::memcpy(numbers.data(), bytes.data() + 8, 24);
  }
  std::uint16_t version = 0, kind = 0;
  std::array<std::int64_t, 3> numbers{};
};

void check_state(std::int64_t state, std::int64_t event) {
  require(state > static_cast<int>(LadderState::handed) && state < static_cast<int>(LadderState::done),
          "a rung");
  require(event >= 0 && event <= kLast, "a cause");
  for (int each = 0; each <= kLast; ++each) {
    const auto next = advance(static_cast<LadderState>(state), static_cast<LadderEvent>(each)).next;
    require(to_string(next) != "unknown", "a state that is none");
  }
}

void check_from_keeper(Bytes bytes) {
  const auto said = from_keeper(bytes);
  if (!said) return;
  const Raw raw(bytes);
  const auto [a, b, c] = raw.numbers;
  require(bytes.size() == 32 && raw.version == kKeeperProtocol && raw.kind >= 16 && raw.kind <= 22,
          "a foreign message");
  require(said->a == a && said->b == b && said->c == c, "a keeper's words were changed");
  require(!from_gateway(bytes), "one message of both directions");
  const bool fits = a >= 0 && a <= std::numeric_limits<int>::max();
  if (said->kind == KeeperMessage::started) require(fits && a > 0 && b >= 0, "a process");
  if (said->kind == KeeperMessage::stopping) check_state(a, b);
  if (said->kind == KeeperMessage::leader_exited) require(a >= 0 && a <= 255 && b >= 0 && b <= 64, "an end");
  if (said->kind == KeeperMessage::empty)
    require(fits && b >= 0 && b <= std::numeric_limits<int>::max(), "a count");
  if (said->kind == KeeperMessage::unkillable || said->kind == KeeperMessage::spawn_failed)
    require(fits, "a number");
}

// `ladder`: of the keeper that hears it.
void check_from_gateway(Bytes bytes, LadderState& ladder) {
  const auto asked = from_gateway(bytes);
  if (!asked) return;
  const Raw raw(bytes);
  require(bytes.size() == 32 && raw.version == kKeeperProtocol && raw.kind >= 1 && raw.kind <= 4,
          "a foreign request");
  require(asked->c == raw.numbers[2], "what is to be acknowledged was changed");
  const auto again = from_gateway(bytes_of(*asked));
  require(again && same(*again, *asked), "read twice, it is another request");
  const auto far = std::chrono::steady_clock::time_point(std::chrono::days(36500));
  auto event = LadderEvent::input_back;
  if (asked->kind == KeeperMessage::stop) {
    event = LadderEvent::stop;
    require(far + std::chrono::milliseconds(asked->b) >= far, "a grace");
  }
  if (asked->kind == KeeperMessage::terminate) {
    event = static_cast<LadderEvent>(asked->b);
    require(event == LadderEvent::terminate || event == LadderEvent::caller_gone, "a cause to end");
  }
  if (asked->kind == KeeperMessage::signal) {
    require(asked->a >= 0 && asked->a <= 64, "a signal");
    return;
  }
  if (event != LadderEvent::input_back) require(far + std::chrono::milliseconds(asked->a) >= far, "a grace");
  const auto next = advance(ladder, event).next;
  require(next >= ladder || event == LadderEvent::input_back, "a ladder that goes down");
  require(ladder <= LadderState::eof || next >= ladder, "a way back from the signals");
  ladder = next;
}

// What both sides write, of numbers in the range that each of theirs has.
void check_writers(const Raw& raw) {
  const auto [a, b, c] = raw.numbers;
  const auto below = [](std::int64_t value, std::int64_t most) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) %
                                     static_cast<std::uint64_t>(most + 1));
  };
  const std::int64_t grace = below(a, 86'400'000), number = below(a, 1 << 22);
  for (const KeeperDatagram& message :
       {KeeperDatagram{.kind = KeeperMessage::stop, .a = grace, .b = below(b, 86'400'000), .c = c},
        KeeperDatagram{.kind = KeeperMessage::terminate,
                       .a = grace,
                       .b = static_cast<std::int64_t>(LadderEvent::caller_gone),
                       .c = c},
        KeeperDatagram{.kind = KeeperMessage::signal, .a = below(a, 64), .c = c},
        KeeperDatagram{.kind = KeeperMessage::input_back, .c = c}}) {
    const auto read = from_gateway(bytes_of(message));
    require(read && same(*read, message), "a request that was not heard");
  }
  for (const KeeperDatagram& message :
       {KeeperDatagram{.kind = KeeperMessage::started, .a = number + 1, .b = below(b, 1LL << 40), .c = c & 1},
        KeeperDatagram{.kind = KeeperMessage::spawn_failed, .a = below(a, 133), .b = below(b, 7)},
        KeeperDatagram{
            .kind = KeeperMessage::leader_exited, .a = below(a, 255), .b = below(b, 64), .c = c & 1},
        KeeperDatagram{.kind = KeeperMessage::stopping, .a = 2 + below(a, 2), .b = below(b, kLast)},
        KeeperDatagram{.kind = KeeperMessage::unkillable, .a = number, .b = b & 1},
        KeeperDatagram{.kind = KeeperMessage::empty, .a = number, .b = below(b, 1 << 22)},
        KeeperDatagram{.kind = KeeperMessage::heard, .a = number + 1}}) {
    const auto read = from_keeper(bytes_of(message));
    require(read && same(*read, message), "a keeper's word that was not heard");
  }
}

}  // namespace

// A version of 0 in the input stands for the one that is spoken now, so that a corpus outlives it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::fuzz::input = {reinterpret_cast<const char*>(data), size};
  auto ladder = LadderState::serving;
  for (auto rest = std::as_bytes(std::span(data, size)); !rest.empty();) {
    std::array<std::byte, sizeof(KeeperDatagram)> room{};
    const auto piece = rest.first(std::min(rest.size(), room.size()));
    rest = rest.subspan(piece.size());
    std::ranges::copy(piece, room.begin());
    if (room[0] == std::byte{0} && room[1] == std::byte{0}) std::memcpy(room.data(), &kKeeperProtocol, 2);
    const Bytes datagram(room.data(), piece.size());
    check_from_keeper(datagram);
    check_from_gateway(datagram, ladder);
    if (datagram.size() == room.size()) check_writers(Raw(datagram));
  }
  return 0;
}
