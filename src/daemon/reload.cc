#include "daemon/reload.h"

#include <chrono>

#include "base/log.h"
#include "daemon/check.h"

namespace holdfast::daemon {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::minutes kPatience{5};  // for the reload before, which its own awaits bound

void say(const front::ReloadReport& report) {
  log_problems(report.problems);
  if (!report.applied) {
    log::error("gateway.reload_refused",
               {{"file", report.file}, {"reason", "the configuration has errors; nothing has changed"}});
    return;
  }
  const auto say_changes = [](const char* what, const config::Changes& changes) {
    log::info("gateway.reloaded", {{"what", what},
                                   {"added", changes.added.size()},
                                   {"changed", changes.changed.size()},
                                   {"removed", changes.removed.size()},
                                   {"unchanged", changes.unchanged}});
  };
  say_changes("servers", report.servers);
  say_changes("jobs", report.jobs);
  for (const auto& option : report.needs_restart)
    log::warn("gateway.needs_restart", {{"option", option}, {"reason", "it acts at the start only"}});
}

}  // namespace

asio::awaitable<Result<front::ReloadReport>> Reloader::reload() {
  const auto patience = steady_clock::now() + kPatience;
  while (!free_.is_set())
    if (!co_await free_.wait_until(patience))
      co_return fail(Errc::refused, "", "another reload is under way");
  free_.clear();
  auto report = co_await reload_alone();
  free_.set();
  if (report)
    say(*report);
  else
    log::error("gateway.reload_refused", {{"file", config_.file}, {"reason", report.error().message()}});
  co_return report;
}

// On a thread of its own: the file and each `cwd` in it may lie where nobody answers any more. What comes of
// it too late is forgotten.
asio::awaitable<Result<config::Loaded>> Reloader::read() const {
  auto loaded = co_await reader_->try_run(
      [file = config_.file]() -> Result<config::Loaded> { return load_checked(file); }, patience_);
  if (loaded) co_return loaded;
  if (loaded.error().is(Errc::limit))
    co_return fail(Errc::limit, "",
                   "refused, nothing has changed: too many readings wait for a file system already");
  co_return fail(Errc::timeout, "",
                 "refused, nothing has changed: a file system has not answered in " +
                     format_duration(patience_) + ", that of a `cwd` or of " + config_.file);
}

// The jobs first: only they can fail, and then nothing has changed.
asio::awaitable<Result<front::ReloadReport>> Reloader::reload_alone() {
  front::ReloadReport report;
  report.file = config_.file;
  auto loaded = co_await read();
  if (!loaded) co_return forward(loaded);
  report.problems = problem_lines(*loaded, config_.file);
  if (loaded->blocks_start()) co_return report;
  config::Config& wanted = loaded->config;
  fit_(wanted);
  report.servers = config::compare(config_.servers, wanted.servers);
  report.jobs = config::compare(config_.jobs, wanted.jobs);
  report.needs_restart = config::needs_restart(config_, wanted);
  if (auto planned = co_await scheduler_.reload(wanted); !planned) co_return forward(planned);
  gateway_.reload(wanted);
  config_.servers = std::move(wanted.servers);
  config_.jobs = std::move(wanted.jobs);
  config_.tls = wanted.tls;
  config_.drain = wanted.drain;
  config_.scheduler_workers = wanted.scheduler_workers;
  report.applied = true;
  applied_(config_);
  co_return report;
}

}  // namespace holdfast::daemon
