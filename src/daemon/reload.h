// Reading the configuration again, for a gateway that goes on serving.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "base/task_group.h"
#include "config/config.h"
#include "front/control_api.h"
#include "gateway/gateway.h"
#include "schedule/scheduler.h"

namespace holdfast::daemon {

// Loop thread only; all that it refers to outlives it.
class Reloader {
 public:
  // `fit`: what this machine makes of a configuration, as at the start.
  Reloader(asio::any_io_executor executor, config::Config& config, gateway::Gateway& gateway,
           schedule::Scheduler& scheduler, std::function<void(config::Config&)> fit)
      : config_(config), gateway_(gateway), scheduler_(scheduler), fit_(std::move(fit)), free_(executor) {
    free_.set();
  }

  // Reads the file that the configuration came from. A broken one changes nothing. What acts at the start
  // only keeps its value in `config`, so that it is named again the next time. One at a time: a second call
  // waits. Errors: the history's, and then nothing has changed either.
  asio::awaitable<Result<front::ReloadReport>> reload();

 private:
  asio::awaitable<Result<front::ReloadReport>> reload_alone();

  config::Config& config_;
  gateway::Gateway& gateway_;
  schedule::Scheduler& scheduler_;
  std::function<void(config::Config&)> fit_;
  Event free_;
};

}  // namespace holdfast::daemon
