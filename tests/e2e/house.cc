#include "house.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "base/ids.h"

namespace holdfast::test {

using std::chrono::steady_clock;

config::Server fixture_server(std::string name, std::vector<std::string> arguments) {
  config::Server server;
  server.name = std::move(name);
  server.command = HOLDFAST_FIXTURE_SERVER;
  server.args = std::move(arguments);
  server.cwd = "/";
  server.stop = {.eof = 200ms, .term = 200ms, .lost = 200ms};
  server.connect_timeout = 10s;
  return server;
}

config::Job steps_job(std::string name, std::string tool, std::string arguments, milliseconds timeout) {
  config::Job job;
  job.name = std::move(name);
  job.schedules = {"every 366d"};  // only run by hand unless a test says otherwise
  job.steps = {{.tool = std::move(tool), .arguments = std::move(arguments), .timeout = {}}};
  job.timeout = timeout;
  return job;
}

namespace {

// The whole contract once more without leaves, as on a machine that offers none.
bool on_rung_tree() {
  const char* rung = std::getenv("HOLDFAST_TEST_RUNG");
  return rung != nullptr && std::string_view(rung) == "tree";
}

}  // namespace

House::House(config::Config given, HouseOptions options) : config(std::move(given)) {
  own_all_descendants();
  dir = std::filesystem::temp_directory_path() / ("holdfast-test-" + random_hex(6));
  std::filesystem::create_directories(dir / "logs");
  auto opened = custody::Custodian::open(loop, {.state_dir = dir,
                                                .keeper = HOLDFAST_KEEPER_PROGRAM,
                                                .allow_leaf = options.allow_leaf && !on_rung_tree(),
                                                .patience = options.patience});
  if (!opened) throw std::runtime_error(opened.error().message());
  custodian = std::move(*opened);
  gateway = gateway::Gateway::create(
      loop, *custodian, config,
      {.log_dir = dir / "logs", .catalog_dir = options.catalog_dir, .reap_at_once = options.reap_at_once});
  auto store = store::History::open(dir / "holdfast.db", random_hex(8));
  if (!store) throw std::runtime_error(store.error().message());
  history = std::move(*store);
  scheduler = schedule::Scheduler::create(loop, *gateway, *custodian, *history, config,
                                          {.workers = options.workers, .log_dir = dir / "logs"});
  const auto started = run(scheduler->start());
  if (!started) throw std::runtime_error(started.error().message());
}

bool House::turn_until(const std::function<bool()>& done, milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  loop.restart();
  while (!done()) {
    if (steady_clock::now() >= deadline) return false;
    if (loop.run_one_until(deadline) == 0) loop.restart();
  }
  return true;
}

void House::turn_for(milliseconds time) {
  (void)turn_until([] { return false; }, time);
}

namespace {

asio::awaitable<bool> stop_scheduler(schedule::Scheduler& scheduler) {
  co_await scheduler.stop(steady_clock::now());
  co_return true;
}

}  // namespace

void House::shutdown() {
  if (std::exchange(down_, true)) return;
  gateway->close();
  (void)run(stop_scheduler(*scheduler));
  const auto report = run(custodian->shutdown());
  EXPECT_TRUE(report.unkillable.empty());
}

House::~House() {
  shutdown();
  EXPECT_TRUE(living_servers().empty()) << to_string(living_servers());
  scheduler.reset();
  history.reset();
  gateway.reset();
  custodian.reset();
  EXPECT_TRUE(nobody_left_within(2s)) << to_string(living_descendants());
  clean_up();
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
}

}  // namespace holdfast::test
