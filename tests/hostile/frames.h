// What a hostile client sends on its session, one frame after the other, as a seed has it. Each message comes
// with what it asks for, said apart from its bytes: the model reads nothing of what the gateway reads.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::test {

// Most requests in flight of one session, and elements of one batch.
inline constexpr std::size_t kMostRequests = 8;
inline constexpr std::string_view kRevisionOfBatches = "2025-03-26", kNewestRevision = "2025-11-25";

struct Message {
  enum class Kind { request, notification, response, batch, invalid, garbage };
  // silence: it is never answered by its server; death: that dies of it
  enum class Wants { result, error, silence, death, initialize };
  Kind kind = Kind::garbage;
  std::string text{};            // the bytes
  std::string id{};              // raw; of an invalid one: as far as it is legible
  Wants wants = Wants::result;   // of a request that reaches its server
  int code = 0;                  // of its error
  std::string holds{};           // stands in its result
  std::string cancels{};         // of a notification: this raw id
  std::string token{};           // raw: its server tells progress once
  bool is_ping = false;          // answered by the gateway, whatever is in flight
  std::vector<Message> parts{};  // of a batch
};

struct Frame {
  enum class Act { post, listen, end, put, hang_up, break_connection };  // end: DELETE
  enum class Accept { both, json, none, html };
  static constexpr int kNoSession = -1, kUnknownSession = -2;
  Act act = Act::post;
  std::string server = "own";
  int session = kNoSession;  // by its number; of hang_up: the waiting request
  Accept accept = Accept::both;
  bool typed = true;         // Content-Type is JSON's
  std::string version{};     // MCP-Protocol-Version; empty: none
  std::string last_event{};  // Last-Event-ID
  bool bind = false;         // the session is to end with the connection
  Message message{};
};
std::string to_string(const Frame& frame);

// What a generator sees of the play so far.
struct Stage {
  struct Seat {
    std::string server, revision;
    bool open = false, bound = false;
    std::vector<std::string> in_flight{};  // raw ids
  };
  std::vector<Seat> sessions;
  std::size_t waiting = 0;  // requests without an answer yet
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  Frame next(const Stage& stage);
  [[nodiscard]] std::size_t below(std::size_t most) { return random_() % most; }

 private:
  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[below(all.size())];
  }
  bool once_in(std::size_t times) { return below(times) == 0; }
  std::string id(const Stage::Seat* seat);
  Message initialize();
  Message request(const Stage::Seat* seat, bool in_batch);
  Message notification(const Stage::Seat* seat);
  Message response();
  Message invalid();
  Message garbage();
  Message batch(const Stage::Seat* seat);
  Message any(const Stage::Seat* seat);

  std::mt19937_64 random_;
  int texts_ = 0;
};

}  // namespace holdfast::test
