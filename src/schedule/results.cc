// How runs ended, where the disk does not take it: kept, written later, and told truly meanwhile.
#include <algorithm>

#include "base/log.h"
#include "schedule/core.h"

namespace holdfast::schedule {

namespace {

// No run starts without a claim on that same disk, so these are not reached unless it takes the one and not
// the other.
constexpr std::size_t kMostKept = 1000;
constexpr std::size_t kMostResultBytes = std::size_t{16} << 20;

RunView view_of(const store::RunRow& row) {
  return {.id = row.id,
          .job = row.job,
          .state = row.state,
          .reason = row.reason,
          .trigger = row.trigger,
          .result = row.result,
          .scheduled_at = row.scheduled_at,
          .started_at = row.started_at,
          .ended_at = row.ended_at,
          .log = row.log_path};
}

void lost(const RunView& view, std::string_view why) {
  log::error(
      "run.result_lost",
      {{"job", view.job}, {"run", view.id}, {"state", view.state}, {"reason", view.reason}, {"why", why}});
}

}  // namespace

Core::~Core() {
  for (const RunPtr& run : unwritten_) lost(run->view, "the gateway ends, and it still cannot be written");
}

asio::awaitable<Result<void>> Core::write(const Run& run) {
  auto written = co_await history_.finish_run({.run_id = run.view.id,
                                               .state = run.view.state,
                                               .reason = run.view.reason,
                                               .result = run.view.result,
                                               .started_at = run.view.started_at,
                                               .ended_at = *run.view.ended_at,
                                               .exit = run.outcome ? run.outcome->exit : std::nullopt});
  if (!written && written.error().is(Errc::not_found)) {
    lost(run.view, "the history knows no such run");  // and never will
    co_return Result<void>{};
  }
  co_return written;
}

asio::awaitable<void> Core::record(const RunPtr& run) {
  if (const auto written = co_await write(*run); !written) keep(run, written.error());
}

void Core::keep(const RunPtr& run, const Error& error) {
  log::error("run.not_written", {{"run", run->view.id}, {"error", error.message()}});
  std::size_t bytes = run->view.result.size();
  for (const RunPtr& kept : unwritten_) bytes += kept->view.result.size();
  if (bytes > kMostResultBytes) {
    run->view.result.clear();
    run->view.reason += (run->view.reason.empty() ? "" : "; ");
    run->view.reason += "its result could neither be written nor kept";
  }
  if (unwritten_.size() == kMostKept) {
    lost(unwritten_.front()->view, "too many cannot be written");
    unwritten_.pop_front();
  }
  unwritten_.push_back(run);
  if (!claiming_) arm();  // otherwise the tick does
}

asio::awaitable<void> Core::write_kept() {
  while (!unwritten_.empty()) {
    const RunPtr run = unwritten_.front();
    if (!co_await write(*run)) co_return;
    if (std::erase(unwritten_, run) > 0) log::info("run.written_late", {{"run", run->view.id}});
  }
}

RunView Core::truth(const store::RunRow& row) const {
  if (const auto found = open_.find(row.id); found != open_.end()) return found->second->view;
  const auto kept =
      std::ranges::find_if(unwritten_, [&row](const RunPtr& run) { return run->view.id == row.id; });
  return kept == unwritten_.end() ? schedule::view_of(row) : (*kept)->view;
}

}  // namespace holdfast::schedule
