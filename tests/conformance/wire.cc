#include "wire.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace conformance {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::chrono::duration<unsigned> kNoInput{120};

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) std::_Exit(0);  // nobody reads any more
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

void Wire::run(const Message& incoming) {
  input_came();
  while (!eof_ && Clock::now() - last_input_ < kNoInput) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (::poll(&in, 1, wait_ms()) > 0) read_some(incoming);
    due();
  }
}

void Wire::send(json message) {
  json line = {{"jsonrpc", "2.0"}};
  line.update(message);
  write_all(line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

void Wire::ask(const std::string& method, json params, Answer then) {
  const int id = next_id_++;
  asked_.emplace(id, std::move(then));
  send({{"id", id}, {"method", method}, {"params", std::move(params)}});
}

void Wire::after(milliseconds delay, std::function<void()> then) {
  timers_.emplace(Clock::now() + delay, std::move(then));
}

void Wire::input_came() {
  last_input_ = Clock::now();
  ::alarm(kNoInput.count() + 5);  // ends us even while we are stuck in a write that nobody reads
}

int Wire::wait_ms() const {
  auto until = last_input_ + kNoInput;
  if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
  return static_cast<int>(
      std::max<milliseconds>(std::chrono::ceil<milliseconds>(until - Clock::now()), 0ms).count());
}

void Wire::due() {
  while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
    const auto then = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    then();
  }
}

void Wire::read_some(const Message& incoming) {
  char chunk[65536];
  const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
  if (n < 0 && errno == EINTR) return;
  eof_ = n <= 0;
  if (eof_) return;
  input_came();
  buffer_.append(chunk, static_cast<std::size_t>(n));
  std::size_t begin = 0;
  for (std::size_t end; (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1)
    line(std::string_view(buffer_).substr(begin, end - begin), incoming);
  buffer_.erase(0, begin);
}

void Wire::line(std::string_view text, const Message& incoming) {
  if (text.empty()) return;
  const json message = json::parse(text, nullptr, false);
  if (!message.is_object()) return send({{"error", {{"code", -32700}, {"message", "Parse error"}}}});
  if (message.contains("method")) return incoming(message);
  const json id = message.value("id", json());
  const auto asked = id.is_number_integer() ? asked_.find(id.get<int>()) : asked_.end();
  if (asked == asked_.end()) return;
  const Answer then = std::move(asked->second);
  asked_.erase(asked);
  then(message);
}

}  // namespace conformance
