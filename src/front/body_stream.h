// A response's body that comes in pieces while the answer is under way: whoever speaks queues them, the HTTP
// server writes them as fast as the client reads.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "front/backlog.h"

namespace holdfast::front {

using Piece = std::shared_ptr<const std::string>;

// Loop thread only.
class BodyStream {
 public:
  // `limit`: bytes that may wait for the client. One piece always may, however large, if it is alone.
  // `keep_alive`: what is written when nothing else is to be; empty: nothing.
  // `backlog`: what it is part of; null: of none.
  BodyStream(const asio::any_io_executor& executor, std::size_t limit, std::string keep_alive = {},
             std::shared_ptr<Backlog> backlog = nullptr)
      : limit_(limit),
        keep_alive_(std::move(keep_alive)),
        share_(std::move(backlog), Backlog::Kind::waiting, [this] { close(); }),
        news_(executor) {}

  // ---- who speaks
  // False: it is closed. It closes, too, if the client reads so slowly that the bound would be exceeded.
  bool write(Piece piece);
  // Nothing more comes; what waits is written, then the answer ends.
  void finish();
  [[nodiscard]] bool open() const { return !finished_ && !closed_at_; }
  // Since when nobody reads any more; nullopt: somebody may.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> closed_at() const { return closed_at_; }

  // ---- who writes to the client
  struct Batch {
    std::vector<Piece> pieces;
    bool last = false;
  };
  // What waits; if nothing does, waits itself until `deadline`. What the call before gave counts as written.
  asio::awaitable<Batch> next(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] const std::string& keep_alive() const { return keep_alive_; }
  // Nobody reads any more. Idempotent.
  void close();
  // Called once, by close().
  void on_closed(std::function<void()> hook) { on_closed_ = std::move(hook); }

 private:
  std::size_t limit_;
  std::string keep_alive_;
  std::vector<Piece> waiting_;
  std::size_t waiting_bytes_ = 0, under_way_bytes_ = 0;
  Backlog::Share share_;
  bool finished_ = false;
  std::optional<std::chrono::steady_clock::time_point> closed_at_;
  std::function<void()> on_closed_;
  Event news_;
};

}  // namespace holdfast::front
