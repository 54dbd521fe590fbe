// Requests whose effect lasts, on a server that sessions share: it hears what all of them want together.
#include <utility>

#include "gateway/conversation.h"
#include "mcp/log_level.h"
#include "mcp/raw_json.h"

namespace holdfast::gateway {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds kLetGo{5'000};

const mcp::Reply kDone{.result = "{}", .error = {}};

bool agreed(const Result<mcp::Reply>& reply) { return reply && !reply->error; }

asio::awaitable<Result<mcp::Reply>> failed(Errc code, std::string_view why) {
  co_return fail(code, "request", why);
}

}  // namespace

asio::awaitable<Result<mcp::Reply>> Conversation::request(ContactPtr who, std::string_view method,
                                                          std::string_view params,
                                                          mcp::RequestOptions options) {
  if (over_ || !client_) return failed(Errc::closed, "the server is being stopped");
  const bool lasts =
      method == "resources/subscribe" || method == "resources/unsubscribe" || method == "logging/setLevel";
  // Who holds no lease any more would never let go of it.
  if (!lasts || !attached_.contains(who)) return client_->request(method, params, std::move(options));
  if (method == "resources/subscribe") return subscribe(who, std::string(params), std::move(options));
  if (method == "resources/unsubscribe") return unsubscribe(who, std::string(params), std::move(options));
  return set_level(who, std::string(params), std::move(options));
}

asio::awaitable<Result<mcp::Reply>> Conversation::subscribe(ContactPtr who, std::string params,
                                                            mcp::RequestOptions options) {
  const std::string uri = mcp::text_member(params, "uri");
  if (!uri.empty()) {
    const auto known = standing_.subscribe(who, uri);
    if (known == Standing::Subscribed::known) co_return kDone;
    if (known == Standing::Subscribed::full)
      co_return mcp::Reply{.result = {},
                           .error = mcp::RpcError{mcp::kInternalError, "too many subscriptions", {}}};
  }
  auto reply = co_await client_->request("resources/subscribe", params, std::move(options));
  if (!uri.empty()) standing_.settle(who, uri, agreed(reply));
  co_return reply;
}

asio::awaitable<Result<mcp::Reply>> Conversation::unsubscribe(ContactPtr who, std::string params,
                                                              mcp::RequestOptions options) {
  const std::string uri = mcp::text_member(params, "uri");
  if (!uri.empty() && !standing_.unsubscribe(who, uri)) co_return kDone;
  co_return co_await client_->request("resources/unsubscribe", params, std::move(options));
}

asio::awaitable<Result<mcp::Reply>> Conversation::set_level(ContactPtr who, std::string params,
                                                            mcp::RequestOptions options) {
  const auto asked = mcp::log_level_in(params);
  if (!asked) co_return co_await client_->request("logging/setLevel", params, std::move(options));
  standing_.set_level(who, *asked);
  const auto together = standing_.level();
  if (together != asked) {
    if (together == told_level_) co_return kDone;
    params = mcp::log_level_params(*together);
  }
  told_level_ = together;
  auto reply = co_await client_->request("logging/setLevel", params, std::move(options));
  if (!agreed(reply)) {
    standing_.forget_level(who);
    told_level_.reset();
  }
  co_return reply;
}

// Best effort: nobody waits for it, and a server that is told nothing only says too much.
void Conversation::let_go(const ContactPtr& who) {
  for (std::string& uri : standing_.drop(who))
    tasks_.spawn("unsubscribe", say_unwanted(weak_from_this(), std::move(uri)));
  if (const auto level = standing_.level(); level && told_level_ && level != told_level_)
    tasks_.spawn("level", say_level(weak_from_this()));
}

asio::awaitable<void> Conversation::say_unwanted(std::weak_ptr<Conversation> weak, std::string uri) {
  const std::string params = R"({"uri":)" + mcp::quote(uri) + "}";
  auto self = weak.lock();
  if (!self || self->over_ || self->standing_.is_wanted(uri)) co_return;  // somebody was quicker
  auto sent =
      self->client_->request("resources/unsubscribe", params, {.deadline = steady_clock::now() + kLetGo});
  self.reset();
  (void)co_await std::move(sent);
}

asio::awaitable<void> Conversation::say_level(std::weak_ptr<Conversation> weak) {
  auto self = weak.lock();
  if (!self || self->over_) co_return;
  const auto level = self->standing_.level();
  if (!level || level == self->told_level_) co_return;
  self->told_level_ = level;
  const std::string params = mcp::log_level_params(*level);
  auto sent = self->client_->request("logging/setLevel", params, {.deadline = steady_clock::now() + kLetGo});
  self.reset();
  (void)co_await std::move(sent);
}

}  // namespace holdfast::gateway
