// A lease: a session's hold on an instance. The only thing that keeps an instance active (I2).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/wall_clock.h"
#include "gateway/session.h"

namespace holdfast::gateway {

class Instance;

// Whose a lease is, and since when.
struct Holder {
  std::string session;
  std::string label;  // of the session, for people
  SessionKind kind = SessionKind::client;
  SystemTime since;
  ContactPtr contact = {};
};

// Move-only. Whatever ends its owner (return, error, cancelled coroutine, timeout, dead client) releases it:
// at once, without waiting and without failing. The instance may take it back earlier (idle, crash); then
// usable() is false.
class Lease {
 public:
  Lease() = default;
  Lease(std::shared_ptr<Instance> instance, std::uint64_t holder)
      : instance_(std::move(instance)), holder_(holder) {}
  Lease(Lease&& other) noexcept
      : instance_(std::move(other.instance_)), holder_(std::exchange(other.holder_, 0)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      release();
      instance_ = std::move(other.instance_);
      holder_ = std::exchange(other.holder_, 0);
    }
    return *this;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { release(); }

  void release() noexcept;
  [[nodiscard]] bool usable() const;
  [[nodiscard]] const std::shared_ptr<Instance>& instance() const { return instance_; }
  explicit operator bool() const { return instance_ != nullptr; }

 private:
  std::shared_ptr<Instance> instance_;
  std::uint64_t holder_ = 0;
};

}  // namespace holdfast::gateway
