// What the command of a run is given of this gateway: where it is, and a token that dies with the run.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/task_group.h"
#include "base/worker.h"
#include "gateway/tokens.h"
#include "schedule/runner.h"

namespace holdfast::daemon {

// Loop thread only; outlives every run.
class RunAccess {
 public:
  // `folder`: of the files that HOLDFAST_MCP_CONFIG names, mode 0600; what an earlier gateway left there
  // goes.
  RunAccess(asio::any_io_executor executor, gateway::Tokens& tokens, std::filesystem::path folder,
            std::shared_ptr<Worker> disk);

  // Where the gateway is reached. A run that begins before that is known waits for it, for a moment.
  void listens_on(const std::vector<Address>& addresses);

  // HOLDFAST_TOKEN, HOLDFAST_URL (of all servers) and HOLDFAST_MCP_CONFIG; without a port or a file for
  // them, the first alone. Errors: those of the token.
  asio::awaitable<Result<std::unique_ptr<schedule::Access>>> give(const config::Job& job, std::string run);

 private:
  gateway::Tokens& tokens_;
  const std::filesystem::path folder_;
  const std::shared_ptr<Worker> disk_;
  std::string url_;  // empty: no port
  Event known_;
};

// A port that speaks in clear text before one of TLS, whose certificate is for a name; empty: there is none.
std::string url_of(const std::vector<Address>& addresses);

}  // namespace holdfast::daemon
