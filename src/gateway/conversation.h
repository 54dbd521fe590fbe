// What a server says of itself, and whom it reaches: questions to a client, changes, log messages. The room
// of an instance where a message finds its session.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "base/task_group.h"
#include "gateway/attribution.h"
#include "gateway/consumer.h"
#include "gateway/standing.h"
#include "mcp/client.h"

namespace holdfast::gateway {

// Loop thread only. Owned by its instance; nothing here keeps a lease, a session or a client alive.
class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  // `told`: what the server is told of who is behind it.
  Conversation(asio::any_io_executor executor, std::string server, mcp::ClientProfile told);

  // What the client is to be made with.
  mcp::Client::Events events(std::function<void(const Error&)> closed);
  // From here on until close().
  void open(mcp::Client& client) { client_ = &client; }
  // The server is going: it is answered what it still asks, and nobody hears of it any more. Idempotent.
  void close();

  // A session has a lease more, or one less. With its last one goes what it asked for that lasts, and what it
  // is asked; but while it lives, not what it is asked for the sake of a call that is in flight still.
  void joined(const ContactPtr& who) { ++attached_[who]; }
  void left(const ContactPtr& who);

  // One request of a session's while the server may be at work on it. While the client is asked something for
  // its sake, its time stands still.
  class Call;

  // As Client::request, but for what sessions share: subscriptions and the log level. To be awaited at once.
  asio::awaitable<Result<mcp::Reply>> request(ContactPtr who, std::string_view method,
                                              std::string_view params, mcp::RequestOptions options);

  [[nodiscard]] const mcp::ClientProfile& told() const { return told_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::array<std::string_view, 3> kChanges{"notifications/tools/list_changed",
                                                            "notifications/prompts/list_changed",
                                                            "notifications/resources/list_changed"};
  struct Flight {
    ContactPtr who;
    CallNumber number = 0;
    Clock::time_point hard, soft;
    Clock::duration paused{};
    int questions = 0;  // that the client is asked for its sake
    Clock::time_point since;
  };
  struct Question {
    explicit Question(const asio::any_io_executor& executor) : limit(executor), task(executor) {}
    std::uint64_t serial = 0;
    ContactPtr who;
    std::vector<Flight*> parents;  // for whose sake it is asked; empty: no call's
    asio::steady_timer limit;
    TaskGroup task;
  };
  using Questions = std::map<std::string, std::unique_ptr<Question>, std::less<>>;  // by the server's raw id

  // What the server says (conversation.cc).
  void notified(std::string_view method, std::string_view params);
  void changed(std::size_t kind);
  void tell_changes();
  void updated(std::string_view params);
  [[nodiscard]] Addressee addressee_now();
  [[nodiscard]] ContactPtr alone() const;
  void tell(const ContactPtr& who, std::string_view method, std::string_view params, CallNumber call) const;
  void forget_abandoned();

  // What it asks (questions.cc).
  void asked(std::string_view id, std::string_view method, std::string_view params);
  void refuse(std::string_view id, std::string_view method, std::string_view why);
  void ask(std::string_view id, std::string_view method, std::string_view params, const Addressee& to,
           const std::shared_ptr<Consumer>& consumer);
  static asio::awaitable<void> wait(std::weak_ptr<Conversation> weak, std::string id, std::uint64_t serial,
                                    asio::awaitable<Result<mcp::Reply>> asking);
  void answered(std::string_view id, std::uint64_t serial, Result<mcp::Reply> reply);
  void finish(Questions::iterator question, const mcp::Reply& reply);
  void finish_all(const std::function<bool(Question&)>& which, std::string_view why);
  void over(const Flight& flight);

  // What sessions share (shared_requests.cc).
  asio::awaitable<Result<mcp::Reply>> subscribe(ContactPtr who, std::string params,
                                                mcp::RequestOptions options);
  asio::awaitable<Result<mcp::Reply>> unsubscribe(ContactPtr who, std::string params,
                                                  mcp::RequestOptions options);
  asio::awaitable<Result<mcp::Reply>> set_level(ContactPtr who, std::string params,
                                                mcp::RequestOptions options);
  void let_go(const ContactPtr& who);
  static asio::awaitable<void> say_unwanted(std::weak_ptr<Conversation> weak, std::string uri);
  static asio::awaitable<void> say_level(std::weak_ptr<Conversation> weak);

  asio::any_io_executor executor_;
  const std::string server_;
  const mcp::ClientProfile told_;
  mcp::Client* client_ = nullptr;
  bool over_ = false;

  std::map<ContactPtr, int> attached_;  // with how many leases
  std::list<Flight> flights_;
  std::map<ContactPtr, Clock::time_point> abandoned_;  // until when the server may still be at work for it
  std::array<bool, kChanges.size()> changes_{};        // to be told when the timer fires
  asio::steady_timer changes_timer_;
  Questions questions_;
  std::uint64_t last_serial_ = 0;
  Clock::time_point next_warning_{};
  int unlogged_ = 0;
  Standing standing_;
  std::optional<std::size_t> told_level_;
  TaskGroup tasks_;
};

class Conversation::Call {
 public:
  // At most until `hard`, whatever the client is asked.
  Call(Conversation& conversation, ContactPtr who, CallNumber number, Clock::time_point hard,
       milliseconds timeout);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] Clock::time_point deadline() const;
  // A call that ends without an outcome, or for want of one, is abandoned: the server may go on for a while.
  template <class T>
  void ended(const Result<T>& outcome) {
    abandoned_ = !outcome && (outcome.error().is(Errc::timeout) || outcome.error().is(Errc::cancelled));
  }

 private:
  std::shared_ptr<Conversation> conversation_;
  std::list<Flight>::iterator flight_;
  bool abandoned_ = true;
};

}  // namespace holdfast::gateway
