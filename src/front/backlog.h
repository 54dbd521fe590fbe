// What is kept in memory for clients, until they have taken it or can no longer ask for it, and what they
// have sent of requests that are not whole yet: all of it under one bound.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>
#include <utility>

namespace holdfast::front {

// Loop thread only. What two holders share is counted twice.
class Backlog {
 public:
  // In the order in which it is given up: what was sent already and is kept for who comes back; what somebody
  // waits for, or sends.
  enum class Kind { replay, waiting };
  class Share;

  explicit Backlog(std::size_t limit) : limit_(limit) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] Share* largest() const;
  void make_room();

  std::size_t limit_, bytes_ = 0;
  std::array<std::unordered_set<Share*>, 2> shares_;  // by kind; those that are not empty
};

// One holder's part of it.
class Backlog::Share {
 public:
  // `give_up` frees what the holder has; called from within set() of any holder, this one too. Without `all`
  // there is no bound.
  Share(std::shared_ptr<Backlog> all, Kind kind, std::function<void()> give_up)
      : all_(std::move(all)), kind_(kind), give_up_(std::move(give_up)) {}
  ~Share() { count(0); }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  // So many bytes are held now. Over the bound the largest holders give up until it is kept; what waits alone
  // may be larger.
  void set(std::size_t bytes);

 private:
  friend class Backlog;
  void count(std::size_t bytes);

  std::shared_ptr<Backlog> all_;
  Kind kind_;
  std::function<void()> give_up_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::front
