#include <utility>

#include "gateway/view.h"

namespace holdfast::gateway {
namespace {

class ViewOfOne final : public View {
 public:
  ViewOfOne(std::unique_ptr<Session> session, std::string server)
      : session_(std::move(session)), server_(std::move(server)) {}
  [[nodiscard]] const std::string& session_id() const override { return session_->id(); }
  asio::awaitable<Result<mcp::InitializeResult>> hello() override { return session_->connect(server_); }
  asio::awaitable<Result<mcp::Reply>> request(std::string_view method, std::string_view params,
                                              CallOptions options) override {
    return session_->request(server_, method, params, std::move(options));
  }
  Result<void> notify(std::string_view method, std::string_view params) override {
    return session_->notify(server_, method, params);
  }

 private:
  std::unique_ptr<Session> session_;
  const std::string server_;
};

}  // namespace

std::unique_ptr<View> view_of_one(Gateway& gateway, std::string server, std::string label,
                                  const std::shared_ptr<Consumer>& consumer) {
  auto session = gateway.open_session(SessionKind::client, std::move(label), consumer);
  if (!session) return nullptr;
  return std::make_unique<ViewOfOne>(std::move(session), std::move(server));
}

}  // namespace holdfast::gateway
