#include <boost/asio/this_coro.hpp>
#include <map>
#include <memory>
#include <vector>

#include "config/interpolate.h"
#include "gateway/pipe_reader.h"
#include "schedule/runner.h"

namespace holdfast::schedule {

using std::chrono::steady_clock;

namespace {

struct Watched {
  explicit Watched(const asio::any_io_executor& executor) : over(executor) {}
  Event over;
  std::optional<custody::ExitStatus> status;
  std::vector<std::shared_ptr<gateway::PipeReader>> pipes;
};

custody::Tree::Watcher watcher_of(const std::shared_ptr<Watched>& watched) {
  custody::Tree::Watcher watcher;
  watcher.leader_exited = [watched](custody::ExitStatus status, bool) {
    watched->status = status;
    watched->over.set();
  };
  watcher.gone = [watched](const custody::Ending& ending) {
    if (!watched->status) watched->status = ending.leader;
    for (const auto& pipe : watched->pipes) pipe->stop();
    watched->over.set();
  };
  return watcher;
}

custody::TreeSpec spec_of(const config::Job& job, const RunInput& input, const gateway::Gateway& gateway) {
  std::map<std::string, std::string> run{{"HOLDFAST_JOB", job.name},
                                         {"HOLDFAST_RUN", input.id},
                                         {"HOLDFAST_SCHEDULED_AT", rfc3339(input.scheduled_at)}};
  if (!input.gateway_url.empty()) run["HOLDFAST_URL"] = input.gateway_url;
  const auto expand = [&run](const std::string& text) {
    return config::expand_run_variables(text, [&run](std::string_view name) -> std::optional<std::string> {
      const auto found = run.find(std::string(name));
      return found == run.end() ? std::nullopt : std::optional(found->second);
    });
  };
  auto extra = run;
  for (const auto& [name, value] : job.env) extra.insert_or_assign(name, expand(value));
  custody::TreeSpec spec;
  spec.name = job.name + "/" + input.id;
  spec.command.program = expand(job.command.front());
  for (std::size_t i = 1; i < job.command.size(); ++i)
    spec.command.arguments.push_back(expand(job.command[i]));
  spec.command.reads_nothing = true;
  spec.graces.eof = milliseconds(0);  // there is no end of its input to wait for
  spec.command.environment = gateway.child_environment(extra);
  spec.command.cwd = job.cwd;
  return spec;
}

Outcome outcome_of(const std::optional<custody::ExitStatus>& status) {
  if (!status) return {.state = "unknown", .reason = "its exit status was lost"};
  if (status->signal != 0)
    return {.state = "failed",
            .reason = "killed by signal " + std::to_string(status->signal),
            .exit = 128 + status->signal};
  if (status->code == 0) return {.exit = 0};
  const std::string reason = "exit " + std::to_string(status->code);
  return {.state = "failed", .reason = reason, .exit = status->code};
}

}  // namespace

asio::awaitable<Outcome> run_command(const config::Job& job, const RunInput& input, gateway::Gateway& gateway,
                                     RunLog& log) {
  auto held = co_await gateway.run_in_custody(spec_of(job, input, gateway), job.name + "/" + input.id);
  if (!held) {
    log.line(held.error().message());
    co_return Outcome{.state = "failed", .reason = held.error().message()};
  }
  const auto executor = co_await asio::this_coro::executor;
  custody::Tree& tree = (*held)->tree();
  const auto watched = std::make_shared<Watched>(executor);
  TaskGroup readers(executor);
  for (const int fd : {tree.stdout_fd(), tree.stderr_fd()}) {
    watched->pipes.push_back(std::make_shared<gateway::PipeReader>(
        executor, fd, [&log](std::string_view text) { log.append(text); }));
    readers.spawn("job.output", watched->pipes.back()->run());
  }
  tree.watch(watcher_of(watched));
  // The run's own deadline and cancel come as cancellation.
  const bool over =
      co_await watched->over.wait_until(steady_clock::now() + job.timeout + std::chrono::minutes(1));
  // What the command wrote before it ended is read; a member that holds the pipe must not hold the run.
  if (over) (void)co_await readers.join(steady_clock::now() + milliseconds(500));
  for (const auto& pipe : watched->pipes) pipe->stop();
  if (!over) co_return Outcome{.state = "failed", .reason = "cancelled"};
  co_return outcome_of(watched->status);
}

}  // namespace holdfast::schedule
