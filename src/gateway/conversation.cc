#include "gateway/conversation.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "gateway/profile.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds kCoalesce{75};     // changes of a kind that come closer than this are one
constexpr milliseconds kLingers{30'000};  // a server that was told to drop a call may be at it for so long

}  // namespace

Conversation::Conversation(asio::any_io_executor executor, std::string server, mcp::ClientProfile told)
    : executor_(executor),
      server_(std::move(server)),
      told_(std::move(told)),
      changes_timer_(executor),
      tasks_(executor) {}

mcp::Client::Events Conversation::events(std::function<void(const Error&)> closed) {
  // The client is the instance's, as we are, and goes first.
  return {
      .notification = [this](std::string_view method, std::string_view params) { notified(method, params); },
      .request = [this](std::string_view id, std::string_view method,
                        std::string_view params) { asked(id, method, params); },
      .withdrawn =
          [this](std::string_view id) {
            if (const auto found = questions_.find(id); found != questions_.end()) finish(found, {});
          },
      .closed = std::move(closed)};
}

void Conversation::close() {
  if (over_) return;
  tell_changes();
  over_ = true;
  changes_timer_.cancel();
  finish_all([](const Question&) { return true; }, "the server is being stopped");
  client_ = nullptr;
  tasks_.cancel();
}

void Conversation::left(const ContactPtr& who) {
  const auto found = attached_.find(who);
  if (found == attached_.end() || --found->second > 0) return;
  attached_.erase(found);
  if (over_) return;
  const bool ended = who->consumer.expired();
  finish_all(
      [&](const Question& question) { return question.who == who && (ended || question.parents.empty()); },
      "the client is gone");
  let_go(who);
}

void Conversation::notified(std::string_view method, std::string_view params) {
  if (over_) return;
  const auto change = std::ranges::find(kChanges, method);
  if (change != kChanges.end()) return changed(static_cast<std::size_t>(change - kChanges.begin()));
  if (method == "notifications/resources/updated") return updated(params);
  Addressee to;
  if (method == "notifications/message")
    to = addressee_now();
  else
    to.who = alone();  // what we know nothing of is for whoever is alone with the server
  if (to.who) return tell(to.who, method, params, to.call);
  log::debug("server.said", {{"server", server_}, {"method", method}, {"params", params.substr(0, 500)}});
}

void Conversation::changed(std::size_t kind) {
  const bool waits = std::ranges::find(changes_, true) != changes_.end();
  changes_[kind] = true;
  if (waits) return;
  changes_timer_.expires_after(kCoalesce);
  changes_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    if (const auto self = weak.lock(); self && !ec) self->tell_changes();
  });
}

void Conversation::tell_changes() {
  if (over_) return;
  for (std::size_t kind = 0; kind < kChanges.size(); ++kind) {
    if (!std::exchange(changes_[kind], false)) continue;
    for (const auto& [who, leases] : attached_) tell(who, kChanges[kind], {}, 0);
  }
}

void Conversation::updated(std::string_view params) {
  for (const ContactPtr& who : standing_.subscribers(mcp::text_member(params, "uri")))
    tell(who, "notifications/resources/updated", params, 0);
}

void Conversation::tell(const ContactPtr& who, std::string_view method, std::string_view params,
                        CallNumber call) const {
  if (!who) return;
  if (const auto consumer = who->consumer.lock()) consumer->notified(server_, method, params, call);
}

Addressee Conversation::addressee_now() {
  forget_abandoned();
  std::vector<CallAtWork> calls;
  for (const Flight& flight : flights_) calls.push_back({.who = flight.who, .number = flight.number});
  for (const auto& [who, until] : abandoned_) calls.push_back({.who = who, .abandoned = true});
  return addressee(calls, alone());
}

ContactPtr Conversation::alone() const { return attached_.size() == 1 ? attached_.begin()->first : nullptr; }

void Conversation::forget_abandoned() {
  std::erase_if(abandoned_, [now = steady_clock::now()](const auto& entry) { return entry.second <= now; });
}

Conversation::Call::Call(Conversation& conversation, ContactPtr who, CallNumber number,
                         Clock::time_point hard, milliseconds timeout)
    : conversation_(conversation.shared_from_this()) {
  conversation_->flights_.push_back(
      {.who = std::move(who), .number = number, .hard = hard, .soft = Clock::now() + timeout, .since = {}});
  flight_ = std::prev(conversation_->flights_.end());
}

Conversation::Call::~Call() {
  if (abandoned_) {
    conversation_->forget_abandoned();
    conversation_->abandoned_[flight_->who] = Clock::now() + kLingers;
  }
  conversation_->over(*flight_);
  conversation_->flights_.erase(flight_);
}

Conversation::Clock::time_point Conversation::Call::deadline() const {
  const auto asking = flight_->questions > 0 ? Clock::now() - flight_->since : Clock::duration::zero();
  return std::min(flight_->hard, flight_->soft + flight_->paused + asking);
}

}  // namespace holdfast::gateway
