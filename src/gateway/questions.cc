// What a server asks of a client: sampling, elicitation, roots. A question lives no longer than the call it
// belongs to, nor than the session that is asked.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "gateway/conversation.h"
#include "gateway/profile.h"

namespace holdfast::gateway {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kWarnEvery = 10s;
// A question that belongs to no call has no other bound; a human is not asked for longer either.
constexpr auto kLongestQuestion = 1h;

mcp::Reply error_reply(std::int64_t code, std::string_view why) {
  return {.result = {}, .error = mcp::RpcError{code, std::string(why), {}}};
}

}  // namespace

void Conversation::asked(std::string_view id, std::string_view method, std::string_view params) {
  if (over_ || !client_) return;  // answered when writing ends
  if (!offers(told_, method, params)) return refuse(id, method, "it was not offered");
  const Addressee to = addressee_now();
  if (!to.who) {
    ++unlogged_;
    if (const auto now = steady_clock::now(); now >= next_warning_) {
      next_warning_ = now + kWarnEvery;
      log::warn("question.ambiguous", {{"server", server_},
                                       {"method", method},
                                       {"questions", std::exchange(unlogged_, 0)},
                                       {"sessions", attached_.size()},
                                       {"calls", flights_.size()}});
    }
    return refuse(id, method, "several clients share this server, and it cannot be told which one is meant");
  }
  const auto consumer = to.who->consumer.lock();
  if (!consumer || !offers(to.who->profile, method, params))
    return refuse(id, method, "the client does not offer it");
  ask(id, method, params, to, consumer);
}

void Conversation::refuse(std::string_view id, std::string_view method, std::string_view why) {
  log::debug("question.refused", {{"server", server_}, {"method", method}, {"reason", why}});
  client_->answer(id, error_reply(mcp::kMethodNotFound, "Method not found: " + std::string(method) + " (" +
                                                            std::string(why) + ")"));
}

void Conversation::ask(std::string_view id, std::string_view method, std::string_view params,
                       const Addressee& to, const std::shared_ptr<Consumer>& consumer) {
  auto question = std::make_unique<Question>(executor_);
  question->serial = ++last_serial_;
  question->who = to.who;
  for (Flight& flight : flights_) {
    if (flight.who != to.who || (to.call != 0 && flight.number != to.call)) continue;
    question->parents.push_back(&flight);
    if (flight.questions++ == 0) flight.since = steady_clock::now();
  }
  question->limit.expires_after(kLongestQuestion);
  question->limit.async_wait([weak = weak_from_this(), key = std::string(id),
                              serial = question->serial](const boost::system::error_code& ec) {
    if (const auto self = weak.lock(); self && !ec)
      self->answered(key, serial, fail(Errc::timeout, "question"));
  });
  Question& asking = *questions_.emplace(id, std::move(question)).first->second;
  asking.task.spawn("question",
                    wait(weak_from_this(), std::string(id), asking.serial,
                         consumer->asked(server_, std::string(method), std::string(params), to.call)));
}

asio::awaitable<void> Conversation::wait(std::weak_ptr<Conversation> weak, std::string id,
                                         std::uint64_t serial, asio::awaitable<Result<mcp::Reply>> asking) {
  auto reply = co_await std::move(asking);
  if (const auto self = weak.lock()) self->answered(id, serial, std::move(reply));
}

// The server may use the id again for its next question.
void Conversation::answered(std::string_view id, std::uint64_t serial, Result<mcp::Reply> reply) {
  const auto found = questions_.find(id);
  if (found == questions_.end() || found->second->serial != serial) return;
  if (reply) return finish(found, *reply);
  finish(found, error_reply(mcp::kInternalError, reply.error().is(Errc::timeout)
                                                     ? "the client did not answer in time"
                                                     : "the client is gone"));
}

void Conversation::finish(Questions::iterator found, const mcp::Reply& reply) {
  const auto node = questions_.extract(found);  // its end withdraws the question
  const auto now = steady_clock::now();
  for (Flight* flight : node.mapped()->parents)
    if (--flight->questions == 0) flight->paused += now - flight->since;
  if (client_) client_->answer(node.key(), reply);
}

void Conversation::finish_all(const std::function<bool(Question&)>& which, std::string_view why) {
  for (auto it = questions_.begin(); it != questions_.end();) {
    const auto next = std::next(it);
    if (which(*it->second)) finish(it, error_reply(mcp::kInternalError, why));
    it = next;
  }
}

// A call has ended, and with it what was asked for its sake alone.
void Conversation::over(const Flight& flight) {
  finish_all(
      [&](Question& question) {
        const bool was = std::erase(question.parents, &flight) > 0;
        return was && question.parents.empty();
      },
      "the call that it belongs to has ended");
}

}  // namespace holdfast::gateway
