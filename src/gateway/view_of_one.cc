#include <optional>
#include <utility>

#include "gateway/view.h"

namespace holdfast::gateway {
namespace {

asio::awaitable<Result<mcp::Reply>> unknown(std::string tool) {
  co_return mcp::Reply{.result = {},
                       .error = mcp::RpcError{mcp::kInvalidParams, "Unknown tool: " + tool, {}}};
}

// Of a shared server it would list calls of anybody, of any tool.
asio::awaitable<Result<mcp::Reply>> unknown_method(std::string method) {
  co_return mcp::Reply{.result = {},
                       .error = mcp::RpcError{mcp::kMethodNotFound, "Method not found: " + method, {}}};
}

asio::awaitable<Result<mcp::Reply>> permitted_of(asio::awaitable<Result<mcp::Reply>> listing,
                                                 ToolFilter tools) {
  auto reply = co_await std::move(listing);
  if (!reply || reply->error) co_return reply;
  auto kept = tools.listing(std::move(reply->result));
  if (!kept) co_return forward(kept);
  reply->result = *std::move(kept);
  co_return reply;
}

template <class T>
asio::awaitable<Result<T>> no_such(std::string server) {
  co_return fail(Errc::not_found, "server", server);
}

class ViewOfOne final : public View {
 public:
  ViewOfOne(std::unique_ptr<Session> session, std::string server, std::optional<ToolFilter> permitted)
      : session_(std::move(session)), server_(std::move(server)), permitted_(std::move(permitted)) {}
  [[nodiscard]] const std::string& session_id() const override { return session_->id(); }
  asio::awaitable<Result<mcp::InitializeResult>> hello() override {
    return permitted_ ? session_->connect(server_) : no_such<mcp::InitializeResult>(server_);
  }
  asio::awaitable<Result<mcp::Reply>> request(std::string_view method, std::string_view params,
                                              CallOptions options) override {
    if (!permitted_) return no_such<mcp::Reply>(server_);
    const bool all = permitted_->offers_all();
    if (!all && method == "tools/call")
      if (auto tool = permitted_->withheld(params)) return unknown(*std::move(tool));
    if (!all && method == "tasks/list") return unknown_method(std::string(method));
    auto answer = session_->request(server_, method, params, std::move(options));
    return all || method != "tools/list" ? std::move(answer) : permitted_of(std::move(answer), *permitted_);
  }
  Result<void> notify(std::string_view method, std::string_view params) override {
    if (!permitted_) return fail(Errc::not_found, "server", server_);
    return session_->notify(server_, method, params);
  }

 private:
  std::unique_ptr<Session> session_;
  const std::string server_;
  const std::optional<ToolFilter> permitted_;  // of its tools; nullopt: it is none of this client's servers
};

}  // namespace

std::unique_ptr<View> view_of_one(Gateway& gateway, std::string server, std::string label,
                                  const std::shared_ptr<Consumer>& consumer, const Rights& rights) {
  auto session = gateway.open_session(SessionKind::client, std::move(label), consumer);
  if (!session) return nullptr;
  auto permitted = tools_within(rights, server);
  return std::make_unique<ViewOfOne>(std::move(session), std::move(server), std::move(permitted));
}

}  // namespace holdfast::gateway
