// The reference: what each frame has to be answered, and what state its session is in then. It is kept by
// what was sent alone, and reads nothing of what the gateway says of itself.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "frames.h"

namespace holdfast::test {

struct Answer {
  std::string id;       // raw, byte for byte; empty: none
  int code = 0;         // of an error; 0: a result
  std::string holds{};  // stands in it
};

// What has to come of one frame.
struct Verdict {
  unsigned status = 200;
  std::vector<Answer> answers{};        // in any order
  std::vector<std::string> progress{};  // raw tokens, told before the answer on its own stream
  bool opens = false;                   // a session, or a stream
};

// What a false model believes, to see that it is found out.
enum class Lie { none, ids_may_repeat, cancelled_is_answered, notifications_are_answered, end_is_no_end };

class SessionModel {
 public:
  explicit SessionModel(Lie lie) : lie_(lie) {}

  // Requests whose server is silent, in the order in which they were sent.
  struct Waiting {
    struct Part {
      std::string id;
      std::optional<Answer> answer{};
      bool begun = false;      // it counts as in flight
      bool withdrawn = false;  // by its client: it wants no answer
    };
    std::size_t session = 0;
    bool batch = false;
    std::vector<Part> parts{};
    [[nodiscard]] bool over() const;
    [[nodiscard]] Verdict verdict() const;
  };

  // The verdict on a frame, and all that follows from it. nullopt: it waits, as the last of waiting().
  std::optional<Verdict> judge(const Frame& frame);
  [[nodiscard]] const Stage& stage() const { return stage_; }
  [[nodiscard]] std::vector<Waiting>& waiting() { return waiting_; }
  void forget(std::size_t waiting);
  // Tokens of what was told of calls that had no stream of their own, for who listens on that session's.
  [[nodiscard]] const std::vector<std::string>& unasked(std::size_t session) const {
    return extra_[session].unasked;
  }
  [[nodiscard]] bool listened(std::size_t session) const { return extra_[session].listening; }

 private:
  struct Extra {
    bool listening = false;
    std::vector<std::string> unasked;
  };
  std::optional<Verdict> judge_post(const Frame& frame);
  Verdict judge_initialize(const Frame& frame);
  Verdict judge_listen(const Frame& frame);
  std::optional<Verdict> judge_batch(std::size_t session, const Message& batch);
  [[nodiscard]] std::optional<Verdict> gate(const Frame& frame, const std::string& id) const;
  Waiting::Part begin(std::size_t session, const Message& request);
  bool hear(std::size_t session, const Message& message, Waiting* current);
  void end(std::size_t session);
  void fail_all(std::size_t session, int code);
  void free_id(std::size_t session, const std::string& id);

  const Lie lie_;
  Stage stage_;
  std::vector<Extra> extra_;
  std::vector<Waiting> waiting_;
};

}  // namespace holdfast::test
