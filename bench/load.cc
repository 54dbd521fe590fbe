#include "load.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace holdfast::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kFirstId = 100'000'000;  // all of one length, so that the body's stays
constexpr std::size_t kIdDigits = 9;
constexpr std::string_view kIdKey = R"("id":)";

// One answer, as its bytes come: with a length, or in chunks.
class Answer {
 public:
  void clear() {
    text_.clear();
    body_at_ = next_chunk_ = 0;
  }
  void feed(std::string_view bytes) { text_.append(bytes); }
  [[nodiscard]] const std::string& text() const { return text_; }

  // Throws: no answer of status 200.
  bool done() {
    if (body_at_ == 0 && !read_head()) return false;
    if (length_) return text_.size() >= body_at_ + *length_;
    for (;;) {
      const auto end = text_.find("\r\n", next_chunk_);
      if (end == std::string::npos) return false;
      std::size_t size = 0;
      std::from_chars(text_.data() + next_chunk_, text_.data() + end, size, 16);
      const std::size_t next = end + 2 + size + 2;
      if (text_.size() < next) return false;
      if (size == 0) return true;
      next_chunk_ = next;
    }
  }

 private:
  bool read_head() {
    const auto end = text_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    if (!text_.starts_with("HTTP/1.1 200")) throw std::runtime_error("answered: " + text_.substr(0, 300));
    body_at_ = next_chunk_ = end + 4;
    std::string head = text_.substr(0, end + 2);
    std::ranges::transform(head, head.begin(), [](unsigned char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
    length_.reset();
    constexpr std::string_view key = "\r\ncontent-length: ";
    if (const auto at = head.find(key); at != std::string::npos) {
      length_.emplace();
      std::from_chars(head.data() + at + key.size(), head.data() + head.size(), *length_);
    }
    return true;
  }

  std::string text_;
  std::size_t body_at_ = 0, next_chunk_ = 0;
  std::optional<std::size_t> length_;
};

class Client {
 public:
  Client(asio::io_context& loop, const Target& target, std::size_t bytes)
      : socket_(loop), bytes_(bytes), room_(256U << 10) {
    const auto& address = target.address;
    socket_.connect({asio::ip::make_address(address.host), address.port});
    socket_.set_option(tcp::no_delay(true));
    body_ = R"({"jsonrpc":"2.0","id":)" + std::to_string(kFirstId) +
            R"(,"method":"tools/call","params":{"name":"echo","arguments":{"text":")" +
            std::string(bytes, 'x') + R"("}}})";
    id_at_ = body_.find(kIdKey) + kIdKey.size();
    head_ = "POST " + target.path + " HTTP/1.1\r\nHost: " + to_string(address) +
            "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            "MCP-Protocol-Version: 2025-06-18\r\nMcp-Session-Id: " +
            (target.session.empty() ? std::string(32, '0') : target.session) +
            "\r\nContent-Length: " + std::to_string(body_.size()) + "\r\n\r\n";
  }

  void begin(Clock::time_point until, std::vector<float>& micros) {
    until_ = until;
    micros_ = &micros;
    call();
  }

 private:
  void call() {
    const std::string id = std::to_string(++id_);
    std::ranges::copy(id, body_.begin() + static_cast<std::ptrdiff_t>(id_at_));
    answer_.clear();
    sent_ = Clock::now();
    asio::async_write(socket_, std::array{asio::buffer(head_), asio::buffer(body_)},
                      [this](const error_code& ec, std::size_t) {
                        if (ec) throw std::runtime_error("write: " + ec.message());
                        read();
                      });
  }
  void read() {
    socket_.async_read_some(asio::buffer(room_), [this](const error_code& ec, std::size_t n) {
      if (ec) throw std::runtime_error("read: " + ec.message());
      answer_.feed({room_.data(), n});
      if (!answer_.done()) return read();
      const auto now = Clock::now();
      micros_->push_back(std::chrono::duration<float, std::micro>(now - sent_).count());
      check();
      if (now < until_) call();
    });
  }
  void check() const {
    const std::string_view text = answer_.text(), id = std::string_view(body_).substr(id_at_, kIdDigits);
    const bool named = text.substr(0, 1024).contains(id) ||
                       text.substr(text.size() - std::min<std::size_t>(text.size(), 256)).contains(id);
    if (!named || text.size() < bytes_)
      throw std::runtime_error("no answer to the call: " + std::string(text.substr(0, 300)));
  }

  tcp::socket socket_;
  std::size_t bytes_;
  std::vector<char> room_;
  std::string head_, body_;
  std::size_t id_at_ = 0;
  std::uint64_t id_ = kFirstId;
  Answer answer_;
  Clock::time_point sent_, until_;
  std::vector<float>* micros_ = nullptr;
};

double quantile(std::vector<float>& values, double q) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return static_cast<double>(*at);
}

}  // namespace

struct Load::State {
  asio::io_context loop{1};
  std::vector<std::unique_ptr<Client>> clients;
};

Load::Load(const std::vector<Target>& clients, std::size_t bytes) : state_(std::make_unique<State>()) {
  for (const Target& target : clients)
    state_->clients.push_back(std::make_unique<Client>(state_->loop, target, bytes));
}
Load::~Load() = default;

Latencies Load::run(std::chrono::milliseconds duration) {
  std::vector<float> micros;
  micros.reserve(1U << 20);
  const auto start = Clock::now();
  for (const auto& client : state_->clients) client->begin(start + duration, micros);
  state_->loop.restart();
  state_->loop.run();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return {.p50_us = quantile(micros, 0.5),
          .p99_us = quantile(micros, 0.99),
          .per_second = static_cast<double>(micros.size()) / seconds,
          .calls = micros.size()};
}

}  // namespace holdfast::bench
