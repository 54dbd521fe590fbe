#include "daemon/state_watch.h"

#include "base/log.h"
#include "base/task_group.h"

namespace holdfast::daemon {

using std::chrono::steady_clock;

namespace {

constexpr milliseconds kPatience{5'000};
constexpr std::string_view kMeans =
    "nobody would find what gateway and keepers leave if they are killed in one stroke, and another gateway "
    "may start there";
constexpr std::string_view kAdvice = "restart this gateway";

}  // namespace

asio::awaitable<void> StateWatch::run() {
  while (co_await sleep_until(steady_clock::now() + pace_)) {
    const auto there = co_await worker_->try_run([file = file_] { return is_there(file); }, kPatience);
    if (co_await is_cancelled()) co_return;
    if (there) note(*there);  // who cannot look has seen nothing
  }
}

void StateWatch::note(bool there) {
  if (there == warning_.empty()) return;
  const std::string path = file_.path.string();
  if (there) {
    log::info("state.back", {{"lock", path}});
    warning_.clear();
    return;
  }
  log::error("state.gone", {{"lock", path}, {"means", kMeans}, {"advice", kAdvice}});
  warning_ = "the lock file " + path + " was removed or replaced, perhaps with all of the state directory: ";
  warning_.append(kMeans).append("; ").append(kAdvice);
}

}  // namespace holdfast::daemon
