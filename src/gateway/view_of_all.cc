#include <algorithm>
#include <utility>

#include "gateway/all_servers.h"
#include "gateway/view.h"
#include "mcp/log_level.h"

namespace holdfast::gateway {
namespace {

mcp::Reply refusal(std::int64_t code, std::string message) {
  return {.result = {}, .error = mcp::RpcError{code, std::move(message), {}}};
}

asio::awaitable<Result<mcp::Reply>> answer(AllServersPtr all, std::string method, std::string params,
                                           CallOptions options) {
  if (const ListRow* row = find_list(method))
    co_return co_await AllServers::list(all, row->kind, std::move(params), std::move(options));
  if (method == "tools/call" || method == "prompts/get") {
    const auto kind = method == "tools/call" ? ListKind::tools : ListKind::prompts;
    co_return co_await AllServers::call(all, kind, std::move(method), std::move(params), std::move(options));
  }
  if (method == "resources/read" || method == "resources/subscribe" || method == "resources/unsubscribe")
    co_return co_await AllServers::resource(all, std::move(method), std::move(params), std::move(options));
  if (method == "completion/complete")
    co_return co_await AllServers::complete(all, std::move(params), std::move(options));
  if (method == "logging/setLevel") {
    if (!mcp::log_level_in(params)) co_return refusal(mcp::kInvalidParams, "params.level: no such level");
    co_return co_await AllServers::set_level(all, std::move(params));
  }
  if (method == "ping") co_return mcp::Reply{.result = "{}", .error = {}};
  co_return refusal(mcp::kMethodNotFound, "Method not found: " + method);
}

class ViewOfAll final : public View {
 public:
  explicit ViewOfAll(AllServersPtr all) : all_(std::move(all)) {}
  ~ViewOfAll() override { all_->end(); }
  ViewOfAll(const ViewOfAll&) = delete;
  ViewOfAll& operator=(const ViewOfAll&) = delete;
  [[nodiscard]] const std::string& session_id() const override { return all_->session_id(); }
  asio::awaitable<Result<mcp::InitializeResult>> hello() override { return AllServers::hello(all_); }
  asio::awaitable<Result<mcp::Reply>> request(std::string_view method, std::string_view params,
                                              CallOptions options) override {
    return answer(all_, std::string(method), std::string(params), std::move(options));
  }
  Result<void> notify(std::string_view method, std::string_view params) override {
    return all_->notify(method, params);
  }

 private:
  AllServersPtr all_;
};

}  // namespace

std::unique_ptr<View> view_of_all(Gateway& gateway, std::string label,
                                  const std::shared_ptr<Consumer>& consumer, AllOptions options) {
  auto catalog = gateway.catalog();
  if (!catalog) catalog = std::make_shared<Catalog>();
  auto all = std::make_shared<AllServers>(gateway, std::move(catalog), consumer, options);
  if (!all->begin(label)) return nullptr;
  return std::make_unique<ViewOfAll>(std::move(all));
}

}  // namespace holdfast::gateway
