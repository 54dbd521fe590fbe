// Reading the configuration again, for a gateway that goes on serving.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "base/duration.h"
#include "base/task_group.h"
#include "base/worker.h"
#include "config/load.h"
#include "front/control_api.h"
#include "gateway/gateway.h"
#include "schedule/scheduler.h"

namespace holdfast::daemon {

// Loop thread only; all that it refers to outlives it.
class Reloader {
 public:
  // `reader`: the thread that reads, `patience`: for it. `fit`: what this machine and the command line make
  // of a configuration, as at the start. `applied`: told of one that was taken, before the answer.
  Reloader(asio::any_io_executor executor, std::shared_ptr<Worker> reader, config::Config& config,
           gateway::Gateway& gateway, schedule::Scheduler& scheduler,
           std::function<void(config::Config&)> fit, std::function<void(const config::Config&)> applied,
           milliseconds patience = milliseconds(5'000))
      : reader_(std::move(reader)),
        config_(config),
        gateway_(gateway),
        scheduler_(scheduler),
        fit_(std::move(fit)),
        applied_(std::move(applied)),
        patience_(patience),
        free_(executor) {
    free_.set();
  }

  // Reads the file that the configuration came from. A broken one changes nothing. What acts at the start
  // only keeps its value in `config`, so that it is named again the next time. One at a time: a second call
  // waits. Errors: timeout (a file system does not answer), and the history's; nothing has changed then
  // either.
  asio::awaitable<Result<front::ReloadReport>> reload();

 private:
  asio::awaitable<Result<front::ReloadReport>> reload_alone();

  asio::awaitable<Result<config::Loaded>> read() const;

  std::shared_ptr<Worker> reader_;
  config::Config& config_;
  gateway::Gateway& gateway_;
  schedule::Scheduler& scheduler_;
  std::function<void(config::Config&)> fit_;
  std::function<void(const config::Config&)> applied_;
  milliseconds patience_;
  Event free_;
};

}  // namespace holdfast::daemon
