// JSON-RPC over stdin and stdout by one loop: messages, timers, and questions to the client whose answers are
// awaited by a table of continuations, so that nothing here ever blocks for one.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace conformance {

using json = nlohmann::ordered_json;  // what is listed keeps its order on the wire
using Clock = std::chrono::steady_clock;

class Wire {
 public:
  // The whole answer, with its `result` or `error`.
  using Answer = std::function<void(const json& answer)>;
  using Message = std::function<void(const json& message)>;

  // Hands every request and notification to `incoming`; returns at end-of-file or after 120 s without input.
  void run(const Message& incoming);
  // Adds the version of JSON-RPC and writes one line.
  void send(json message);
  // A request to the client. `then` may ask again.
  void ask(const std::string& method, json params, Answer then);
  // Not before `delay` is over; what is still to come at the end of the input never does.
  void after(std::chrono::milliseconds delay, std::function<void()> then);

 private:
  void input_came();
  [[nodiscard]] int wait_ms() const;
  void due();
  void read_some(const Message& incoming);
  void line(std::string_view text, const Message& incoming);

  std::string buffer_;
  std::map<int, Answer> asked_;
  int next_id_ = 0;  // 0 is an id like any other
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  Clock::time_point last_input_;
  bool eof_ = false;
};

}  // namespace conformance
