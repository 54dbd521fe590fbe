// The session's body: outlives its handle while calls of it are still unwinding, but holds no lease from its
// end on.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/lease.h"
#include "gateway/pool.h"

namespace holdfast::gateway {

class SessionCore {
 public:
  SessionCore(Pool& pool, SessionKind kind, std::string label, const std::shared_ptr<Consumer>& consumer);

  asio::awaitable<Result<std::shared_ptr<Instance>>> instance_of(std::string server);
  Result<void> notify(std::string_view server, std::string_view method, std::string_view params);
  void end();  // releases every lease; calls in flight fail as their instances go, or finish on shared ones
               // unheard

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] SessionKind kind() const { return kind_; }
  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] SystemTime since() const { return since_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] SessionView view() const;
  [[nodiscard]] const ContactPtr& contact() const { return contact_; }
  // Leaves its line in the audit if one is kept.
  void audit(std::string_view server, std::string_view method, std::string_view params,
             Result<mcp::Reply>& reply, bool cancelled, std::chrono::steady_clock::time_point began) const;
  [[nodiscard]] bool audited() const { return pool_.audit() != nullptr; }

 private:
  Pool& pool_;
  const std::string id_;
  const SessionKind kind_;
  const std::string label_, who_, token_;
  const SystemTime since_ = std::chrono::system_clock::now();
  const std::shared_ptr<Contact> own_contact_;
  const ContactPtr contact_ = own_contact_;  // as others see it
  bool ended_ = false;
  std::map<std::string, Lease, std::less<>> leases_;  // by server
};

// The handle that clients and runs own.
class SessionImpl final : public Session {
 public:
  explicit SessionImpl(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}
  ~SessionImpl() override { core_->end(); }
  SessionImpl(const SessionImpl&) = delete;
  SessionImpl& operator=(const SessionImpl&) = delete;

  [[nodiscard]] const std::string& id() const override { return core_->id(); }
  [[nodiscard]] SessionKind kind() const override { return core_->kind(); }
  [[nodiscard]] const std::string& label() const override { return core_->label(); }

  asio::awaitable<Result<mcp::InitializeResult>> connect(std::string_view server) override;
  asio::awaitable<Result<mcp::Reply>> request(std::string_view server, std::string_view method,
                                              std::string_view params, CallOptions options) override;
  Result<void> notify(std::string_view server, std::string_view method, std::string_view params) override;
  asio::awaitable<Result<std::vector<mcp::Tool>>> tools(std::string_view server) override;

 private:
  std::shared_ptr<SessionCore> core_;
};

}  // namespace holdfast::gateway
