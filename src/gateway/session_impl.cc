#include "gateway/session_impl.h"

#include "base/ids.h"
#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/profile.h"

namespace holdfast::gateway {

SessionCore::SessionCore(Pool& pool, SessionKind kind, std::string label,
                         const std::shared_ptr<Consumer>& consumer)
    : pool_(pool),
      id_(random_hex(16)),
      kind_(kind),
      label_(std::move(label)),
      // Nobody else opens one without a consumer than the verbs at the control socket.
      who_(kind == SessionKind::job ? "job"
           : consumer               ? consumer->who()
                                    : "owner"),
      token_(consumer ? consumer->token() : std::string_view()),
      own_contact_(std::make_shared<Contact>(
          Contact{.session = id_,
                  .profile = normalised(consumer ? consumer->profile() : mcp::ClientProfile()),
                  .consumer = consumer})) {}

asio::awaitable<Result<std::shared_ptr<Instance>>> SessionCore::instance_of(std::string server) {
  if (ended_) co_return fail(Errc::closed, "session", label_ + " has ended");
  if (pool_.refuses(kind_)) co_return fail(Errc::refused, "session", "the gateway is shutting down");
  if (const auto it = leases_.find(server); it != leases_.end() && it->second.usable()) {
    const std::shared_ptr<Instance> instance = it->second.instance();
    if (instance->state() == InstanceState::ready) co_return instance;
  }
  auto lease = co_await pool_.acquire(server, Holder{.session = id_,
                                                     .label = label_,
                                                     .kind = kind_,
                                                     .since = std::chrono::system_clock::now(),
                                                     .contact = contact_});
  if (!lease) co_return forward(lease);
  if (ended_) co_return fail(Errc::closed, "session", label_ + " has ended");  // and the lease goes with us
  const std::shared_ptr<Instance> instance = lease->instance();
  // Two calls of one session may have waited for the same start: the first lease stays, the second is let go.
  const auto it = leases_.find(server);
  if (it == leases_.end() || it->second.instance() != instance || !it->second.usable())
    leases_.insert_or_assign(server, std::move(*lease));
  co_return instance;
}

Result<void> SessionCore::notify(std::string_view server, std::string_view method, std::string_view params) {
  const auto it = leases_.find(server);
  if (it == leases_.end() || !it->second.usable() || it->second.instance()->state() != InstanceState::ready)
    return fail(Errc::closed, "notify", server);  // a notification starts nothing
  return it->second.instance()->notify(method, params);
}

void SessionCore::end() {
  if (ended_) return;
  ended_ = true;
  log::debug("session.ended", {{"session", id_}, {"label", label_}, {"leases", leases_.size()}});
  own_contact_->consumer.reset();
  leases_.clear();
}

void SessionCore::audit(std::string_view server, std::string_view method, std::string_view params,
                        Result<mcp::Reply>& reply, bool cancelled,
                        std::chrono::steady_clock::time_point began) const {
  pool_.audit()->record({.who = who_,
                         .client = label_,
                         .session = id_,
                         .server = server,
                         .method = method,
                         .params = params,
                         .token = token_},
                        reply, cancelled, std::chrono::steady_clock::now() - began);
}

SessionView SessionCore::view() const {
  SessionView view{.id = id_, .label = label_, .kind = kind_, .since = since_, .servers = {}};
  for (const auto& [server, lease] : leases_)
    if (lease.usable()) view.servers.push_back(server);
  return view;
}

namespace {

// Free coroutines that hold the core themselves: the handle may be destroyed in the middle of a call.
asio::awaitable<Result<mcp::InitializeResult>> connect(std::shared_ptr<SessionCore> core,
                                                       std::string server) {
  auto instance = co_await core->instance_of(std::move(server));
  if (!instance) co_return forward(instance);
  co_return (*instance)->hello();
}

asio::awaitable<Result<mcp::Reply>> request(std::shared_ptr<SessionCore> core, std::string server,
                                            std::string_view method, std::string_view params,
                                            CallOptions options) {
  auto instance = co_await core->instance_of(server);
  if (!instance) co_return forward(instance);
  if (!(*instance)->is_remote())
    co_return co_await (*instance)->request(core->contact(), method, params, std::move(options));
  // A restart there is nobody's fault here: what was refused unread goes into a session anew, once.
  const std::string kept_method(method), kept_params(params);
  auto reply = co_await (*instance)->request(core->contact(), kept_method, kept_params, options);
  if (reply || reply.error().code != std::errc::resource_unavailable_try_again) co_return reply;
  instance = co_await core->instance_of(server);
  if (!instance) co_return forward(instance);
  co_return co_await (*instance)->request(core->contact(), kept_method, kept_params, std::move(options));
}

asio::awaitable<Result<mcp::Reply>> audited(std::shared_ptr<SessionCore> core, std::string server,
                                            std::string_view method, std::string_view params,
                                            CallOptions options) {
  const auto began = std::chrono::steady_clock::now();
  auto reply = co_await request(core, server, method, params, std::move(options));
  core->audit(server, method, params, reply, co_await is_cancelled(), began);
  co_return reply;
}

asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::shared_ptr<SessionCore> core, std::string server) {
  auto instance = co_await core->instance_of(std::move(server));
  if (!instance) co_return forward(instance);
  co_return co_await (*instance)->tools(core->contact());
}

}  // namespace

asio::awaitable<Result<mcp::InitializeResult>> SessionImpl::connect(std::string_view server) {
  return gateway::connect(core_, std::string(server));
}

asio::awaitable<Result<mcp::Reply>> SessionImpl::request(std::string_view server, std::string_view method,
                                                         std::string_view params, CallOptions options) {
  const auto way = core_->audited() ? audited : gateway::request;
  return way(core_, std::string(server), method, params, std::move(options));
}

asio::awaitable<Result<std::vector<mcp::Tool>>> SessionImpl::tools(std::string_view server) {
  return gateway::tools(core_, std::string(server));
}

Result<void> SessionImpl::notify(std::string_view server, std::string_view method, std::string_view params) {
  return core_->notify(server, method, params);
}

}  // namespace holdfast::gateway
