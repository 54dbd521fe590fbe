#include "daemon/run_access.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "os/text_file.h"

namespace holdfast::daemon {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kUntilListening{10}, kDiskPatience{2};

// One entry that every reader of `mcpServers` understands.
std::string mcp_config(const std::string& url, const std::string& token) {
  const nlohmann::json entry{
      {"type", "http"}, {"url", url}, {"headers", {{"Authorization", "Bearer " + token}}}};
  return nlohmann::json{{"mcpServers", {{"holdfast", entry}}}}.dump() + "\n";
}

class Lent final : public schedule::Access {
 public:
  Lent(std::unique_ptr<gateway::LentToken> token, std::filesystem::path file, std::shared_ptr<Worker> disk)
      : token_(std::move(token)), file_(std::move(file)), disk_(std::move(disk)) {}
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  // Where it cannot be removed, it holds a token that is of no use any more.
  ~Lent() override {
    (void)disk_->post([file = file_] {
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
    });
  }

 private:
  std::unique_ptr<gateway::LentToken> token_;
  std::filesystem::path file_;
  std::shared_ptr<Worker> disk_;
};

}  // namespace

std::string url_of(const std::vector<Address>& addresses) {
  const Address* best = nullptr;
  for (const Address& address : addresses)
    if (!address.local && (best == nullptr || (best->tls && !address.tls))) best = &address;
  if (best == nullptr) return {};
  Address reached = *best;
  if (reached.host == "0.0.0.0") reached.host = "127.0.0.1";
  if (reached.host == "::") reached.host = "::1";
  const std::string text = to_string(reached);
  return (reached.tls ? text : "http://" + text) + "/mcp";
}

RunAccess::RunAccess(asio::any_io_executor executor, gateway::Tokens& tokens, std::filesystem::path folder,
                     std::shared_ptr<Worker> disk)
    : tokens_(tokens), folder_(std::move(folder)), disk_(std::move(disk)), known_(std::move(executor)) {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RunAccess::listens_on(const std::vector<Address>& addresses) {
  url_ = url_of(addresses);
  known_.set();
}

asio::awaitable<Result<std::unique_ptr<schedule::Access>>> RunAccess::give(const config::Job& job,
                                                                           std::string run) {
  (void)co_await known_.wait_until(steady_clock::now() + kUntilListening);
  gateway::TokenRequest request{.name = "run-" + run};
  if (!job.tools.empty()) request.rights.tools = job.tools;
  auto token = tokens_.lend(request);
  if (!token) co_return forward(token);
  const std::string secret = (*token)->secret();
  const auto file = folder_ / (run + ".json");
  auto access = std::make_unique<Lent>(*std::move(token), file, disk_);
  access->environment = {{"HOLDFAST_TOKEN", secret}};
  if (url_.empty()) co_return access;
  access->environment.emplace("HOLDFAST_URL", url_);
  const auto written = co_await disk_->try_run(
      [file, text = mcp_config(url_, secret)]() -> Result<void> {
        std::error_code ec;
        std::filesystem::create_directories(file.parent_path(), ec);
        if (ec) return sys_error("mkdir", file.parent_path().string(), ec.value());
        return os::replace_private_file(file, text);
      },
      kDiskPatience);
  if (written)
    access->environment.emplace("HOLDFAST_MCP_CONFIG", file.string());
  else
    log::warn("run.without_mcp_config",
              {{"job", job.name}, {"run", run}, {"error", written.error().message()}});
  co_return access;
}

}  // namespace holdfast::daemon
