#include "store/queued_log.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include "base/worker.h"

namespace holdfast::store {

struct QueuedLog::Shared {
  Shared(const std::filesystem::path& path, LogLimits limits) : room(limits.max_bytes), file(path, limits) {}

  // On the disk's thread.
  void write() {
    std::string text;
    std::int64_t missing = 0;
    {
      const std::lock_guard lock(mutex);
      text.swap(waiting);
      missing = refused;
      coming = false;
    }
    file.append(text);
    if (missing > 0) file.lost(missing);
    const std::lock_guard lock(mutex);
    refused -= missing;
    dropped = file.dropped_bytes();
  }

  const std::int64_t room;
  std::mutex mutex;
  std::string waiting;
  std::int64_t refused = 0;  // after `waiting`, and not said yet
  std::int64_t dropped = 0;  // the file's own count
  bool coming = false;       // the disk's thread
  LogFile file;              // the disk's thread only
};

QueuedLog::QueuedLog(std::shared_ptr<Worker> disk, const std::filesystem::path& path, LogLimits limits)
    : disk_(std::move(disk)), shared_(std::make_shared<Shared>(path, limits)) {
  append("");  // an empty log is there, too
}

void QueuedLog::append(std::string_view text) {
  {
    const std::lock_guard lock(shared_->mutex);
    const auto room = std::max<std::int64_t>(shared_->room - std::ssize(shared_->waiting), 0);
    const auto taken =
        shared_->refused > 0 ? 0 : std::min<std::size_t>(text.size(), static_cast<std::size_t>(room));
    shared_->waiting += text.substr(0, taken);
    shared_->refused += static_cast<std::int64_t>(text.size() - taken);
    if (std::exchange(shared_->coming, true)) return;
  }
  if (disk_->post([shared = shared_] { shared->write(); })) return;
  const std::lock_guard lock(shared_->mutex);
  shared_->coming = false;  // the next append asks again
}

boost::asio::awaitable<Result<void>> QueuedLog::flush(std::chrono::milliseconds patience) {
  return disk_->try_run([] { return Result<void>{}; }, patience);
}

std::int64_t QueuedLog::dropped_bytes() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->dropped + shared_->refused;
}

}  // namespace holdfast::store
