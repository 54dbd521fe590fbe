// One run of one job: its actions, and how each of their endings maps to an outcome.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/task_group.h"
#include "base/wall_clock.h"
#include "config/config.h"
#include "gateway/gateway.h"
#include "store/log_file.h"

namespace holdfast::schedule {

struct RunInput {
  std::string id;
  SystemTime scheduled_at;
  std::string gateway_url;
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
  explicit RunLog(const std::filesystem::path& path);
  void append(std::string_view text);
  void line(std::string_view text);

 private:
  std::optional<store::LogFile> file_;
};

// Both return early when the awaiting coroutine is cancelled; whoever cancelled knows why. The session and
// the held tree outlive nothing: they are gone when these return or their owner drops them.
asio::awaitable<Outcome> run_steps(const config::Job& job, const RunInput& input, gateway::Session& session,
                                   RunLog& log);
asio::awaitable<Outcome> run_command(const config::Job& job, const RunInput& input, gateway::Gateway& gateway,
                                     RunLog& log);

// "2026-11-23T07:00:00Z"

}  // namespace holdfast::schedule
