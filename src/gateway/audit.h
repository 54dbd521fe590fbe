// A record of what was asked of servers, and by whom: one line of JSON a request.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/worker.h"
#include "mcp/message.h"
#include "store/queued_log.h"

namespace holdfast::gateway {

// Never waits for the disk, and stops no request: what is lost is counted in the file.
class Audit {
 public:
  struct Asked {
    std::string_view who, client, session;  // whose rights; what it calls itself; the session's id
    std::string_view server, method, params;
    std::string_view token{};  // its id; empty: without one
  };
  enum class Detail { names, arguments };  // the latter up to 4 KiB, and without secrets

  Audit(std::shared_ptr<Worker> disk, const std::filesystem::path& file, Detail detail);

  // `reply` may be read, and is left as it was.
  void record(const Asked& asked, Result<mcp::Reply>& reply, bool cancelled, std::chrono::nanoseconds took);
  // Until all that was recorded is written. Errors as of QueuedLog.
  asio::awaitable<Result<void>> flush(std::chrono::milliseconds patience) { return log_.flush(patience); }

 private:
  store::QueuedLog log_;
  Detail detail_;
};

// Raw JSON without the values of members whose names speak of secrets, at any depth. Empty: `raw` is no JSON.
std::string without_secrets(std::string_view raw);

}  // namespace holdfast::gateway
