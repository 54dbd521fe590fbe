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

custody::TreeSpec spec_of(const config::Job& job, const RunInput& input, const gateway::Gateway& gateway,
                          const Access* access) {
  const config::RunValues values{job.name, input.id, rfc3339(input.scheduled_at)};
  const auto expand = [&values](const std::string& text) {
    return config::expand_run_variables(text, values);
  };
  std::map<std::string, std::string> extra =
      access ? access->environment : std::map<std::string, std::string>();
  for (std::size_t i = 0; i < values.size(); ++i) extra.emplace(config::kRunVariables[i], values[i]);
  for (const auto& [name, value] : job.env) extra.insert_or_assign(name, expand(value));
  custody::TreeSpec spec;
  spec.name = job.name + "/" + input.id;
  spec.command.program = expand(job.command.front());
  for (std::size_t i = 1; i < job.command.size(); ++i)
    spec.command.arguments.push_back(expand(job.command[i]));
  spec.command.reads_nothing = true;
  spec.graces.eof = milliseconds(0);  // there is no end of its input to wait for
  spec.command.environment = gateway.child_environment(extra);
  spec.command.cwd = expand(job.cwd);
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

// The custodian's own reference to what is lent; nullptr: it is gone already.
std::shared_ptr<custody::Tree> shared(const custody::Custodian& custodian, const custody::Tree& lent) {
  for (auto& tree : custodian.trees())
    if (tree.get() == &lent) return std::move(tree);
  return nullptr;
}

// True: the kernel has confirmed that nobody of it lives. A cancel interrupts the await and not the ladder,
// so it is waited for again; there is one cancel at most.
asio::awaitable<bool> proven_gone(custody::Custodian& custodian, std::shared_ptr<custody::Tree> tree) {
  for (int tries = 0; tries < 3 && tree->state() != custody::TreeState::unkillable; ++tries)
    if (co_await custodian.stop(tree, "its run is over")) co_return true;
  co_return tree->state() == custody::TreeState::gone;
}

}  // namespace

asio::awaitable<std::shared_ptr<custody::Tree>> run_command(const config::Job& job, const RunInput& input,
                                                            gateway::Gateway& gateway,
                                                            custody::Custodian& custodian,
                                                            const GiveAccess& give, RunLog& log,
                                                            std::function<void(Outcome)> ended) {
  const auto failed = [&](const Error& error) {
    log.line(error.message());
    ended({.state = "failed", .reason = error.message()});
  };
  std::unique_ptr<Access> access;
  if (give) {
    auto given = co_await give(job, input.id);
    if (!given) co_return failed(given.error()), nullptr;
    access = *std::move(given);
  }
  auto held =
      co_await gateway.run_in_custody(spec_of(job, input, gateway, access.get()), job.name + "/" + input.id);
  if (!held) co_return failed(held.error()), nullptr;
  const auto executor = co_await asio::this_coro::executor;
  custody::Tree& lent = (*held)->tree();
  auto tree = shared(custodian, lent);
  const auto watched = std::make_shared<Watched>(executor);
  TaskGroup readers(executor);
  for (const int fd : {lent.stdout_fd(), lent.stderr_fd()}) {
    watched->pipes.push_back(std::make_shared<gateway::PipeReader>(
        executor, fd, [&log](std::string_view text) { log.append(text); }));
    readers.spawn("job.output", watched->pipes.back()->run());
  }
  lent.watch(watcher_of(watched));
  // The run's own deadline and cancel come as cancellation, and may have come while it was being started.
  const bool over =
      !co_await is_cancelled() &&
      co_await watched->over.wait_until(steady_clock::now() + job.timeout + std::chrono::minutes(1));
  ended(over ? outcome_of(watched->status) : Outcome{.state = "failed", .reason = "cancelled"});
  access.reset();
  held->reset();  // an orphan from here on; what it says while it is being stopped is still logged
  if (tree && co_await proven_gone(custodian, tree)) tree = nullptr;
  for (const auto& pipe : watched->pipes) pipe->stop();
  co_return tree;
}

}  // namespace holdfast::schedule
