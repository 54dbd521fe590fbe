// One run of one job: its actions, and how each of their endings maps to an outcome.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/task_group.h"
#include "base/wall_clock.h"
#include "base/worker.h"
#include "config/config.h"
#include "gateway/gateway.h"
#include "store/queued_log.h"

namespace holdfast::schedule {

struct RunInput {
  std::string id;
  SystemTime scheduled_at;
};
struct Outcome {
  std::string state = "ok";  // ok | failed
  std::string reason{};
  std::string result{};  // raw JSON of the last step's result; empty for a command
  std::optional<int> exit{};
};

// A run's log; a run without one (disk full) goes on.
class RunLog {
 public:
  RunLog(const std::shared_ptr<Worker>& disk, const std::filesystem::path& path);
  void append(std::string_view text);
  void line(std::string_view text);
  // So that who reads it after the run's end reads all of it; waits for a slow disk a moment only.
  asio::awaitable<void> close();
  [[nodiscard]] std::int64_t dropped_bytes() const { return file_ ? file_->dropped_bytes() : 0; }

 private:
  std::optional<store::QueuedLog> file_;
};

// What a run's command is given of this gateway: variables of its environment, good as long as this lives.
struct Access {
  Access() = default;
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  virtual ~Access() = default;
  std::map<std::string, std::string> environment;
};
// Who gives it. Empty: nobody does.
using GiveAccess =
    std::function<asio::awaitable<Result<std::unique_ptr<Access>>>(const config::Job& job, std::string run)>;

// Returns early when the awaiting coroutine is cancelled; whoever cancelled knows why.
asio::awaitable<Outcome> run_steps(const config::Job& job, const RunInput& input, gateway::Session& session,
                                   RunLog& log);
// `ended` is told the outcome, once, as soon as the program has exited, could not be started, or the awaiting
// coroutine was cancelled. Returns when its tree is proven gone, which custody bounds; otherwise the tree
// that could not be killed. What `give` gave is taken back when the program has ended.
asio::awaitable<std::shared_ptr<custody::Tree>> run_command(const config::Job& job, const RunInput& input,
                                                            gateway::Gateway& gateway,
                                                            custody::Custodian& custodian,
                                                            const GiveAccess& give, RunLog& log,
                                                            std::function<void(Outcome)> ended);

}  // namespace holdfast::schedule
