// A whole Holdfast in the test's own process: real custodian, keepers, servers and store, on a loop the test
// drives.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/task_group.h"
#include "census.h"
#include "config/config.h"
#include "custody/custodian.h"
#include "gateway/gateway.h"
#include "schedule/scheduler.h"
#include "store/history.h"

namespace holdfast::test {

using namespace std::chrono_literals;

// tests/fixtures/mcp_server with these arguments.
config::Server fixture_server(std::string name, std::vector<std::string> arguments = {});
config::Job steps_job(std::string name, std::string tool, std::string arguments, milliseconds timeout = 20s);

struct HouseOptions {
  bool reap_at_once = true;
  bool allow_leaf = true;
  milliseconds patience{5000};
  int workers = 8;
  std::filesystem::path catalog_dir{};  // outlives the house: what servers listed in another one's life
};

class House {
 public:
  explicit House(config::Config config, HouseOptions options = {});
  ~House();  // shutdown, then asserts from outside that nobody is left
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  asio::io_context loop;
  std::filesystem::path dir;
  config::Config config;
  std::unique_ptr<custody::Custodian> custodian;
  std::unique_ptr<gateway::Gateway> gateway;
  std::unique_ptr<store::History> history;
  std::unique_ptr<schedule::Scheduler> scheduler;
  TaskGroup tasks{loop.get_executor()};

  // Runs the loop until the coroutine has ended; throws after `limit`.
  template <class T>
  T run(asio::awaitable<T> task, milliseconds limit = 30s) {
    std::optional<T> value;
    tasks.spawn("test", keep(std::move(task), value));
    if (!turn_until([&] { return value.has_value(); }, limit))
      throw std::runtime_error("the test's coroutine did not end");
    return std::move(*value);
  }
  // Turns the loop until `done` holds. False: it did not within the limit.
  bool turn_until(const std::function<bool()>& done, milliseconds limit = 10s);
  void turn_for(milliseconds time);

  void shutdown();

 private:
  template <class T>
  static asio::awaitable<void> keep(asio::awaitable<T> task, std::optional<T>& value) {
    value.emplace(co_await std::move(task));
  }
  bool down_ = false;
};

}  // namespace holdfast::test
