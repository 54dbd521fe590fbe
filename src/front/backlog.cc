#include "front/backlog.h"

#include <algorithm>

#include "base/log.h"
#include "base/mutant.h"

namespace holdfast::front {

Backlog::Share* Backlog::largest() const {
  for (const auto& of_kind : shares_) {
    const auto most = std::ranges::max_element(of_kind, {}, &Share::bytes_);
    if (most != of_kind.end()) return *most;
  }
  return nullptr;
}

void Backlog::make_room() {
  while (bytes_ > limit_ && kSwitchedOff != Mechanism::one_backlog) {
    Share* const victim = largest();
    if (victim->kind_ == Kind::waiting) {
      if (victim->bytes_ == bytes_) return;
      log::warn("http.backlog_full", {{"bytes", bytes_}, {"limit", limit_}, {"given_up", victim->bytes_}});
    }
    victim->count(0);
    victim->give_up_();
  }
}

void Backlog::Share::set(std::size_t bytes) {
  if (!all_ || bytes == bytes_) return;
  const bool more = bytes > bytes_;
  count(bytes);
  if (more) all_->make_room();
}

void Backlog::Share::count(std::size_t bytes) {
  if (!all_) return;
  auto& of_kind = all_->shares_[static_cast<std::size_t>(kind_)];
  if (bytes == 0)
    of_kind.erase(this);
  else
    of_kind.insert(this);
  all_->bytes_ += bytes - bytes_;
  bytes_ = bytes;
}

}  // namespace holdfast::front
