#include "daemon/service.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "os/fake_manager.h"

namespace holdfast::daemon {
namespace {

using namespace std::chrono_literals;

Environment environment(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  };
}

TEST(Service, says_when_it_serves_and_how_long_its_stop_may_take) {
  const os::FakeManager manager;
  Service service(environment({{"NOTIFY_SOCKET", manager.address()}}));
  service.ready();
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=serving");
  service.stopping(47s);
  EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=47000000");
}

TEST(Service, says_that_its_loop_turns_twice_an_interval) {
  const os::FakeManager manager;
  Service service(environment({{"NOTIFY_SOCKET", manager.address()}, {"WATCHDOG_USEC", "100000"}}));
  asio::io_context loop;
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("watchdog", service.keep_alive());
  const auto began = std::chrono::steady_clock::now();
  int beats = 0;
  while (beats < 4 && tasks.running() > 0 && std::chrono::steady_clock::now() < began + 10s) {
    loop.run_one_for(1s);
    if (const auto word = manager.heard(); !word.empty()) {
      EXPECT_EQ(word, "WATCHDOG=1");
      ++beats;
    }
  }
  EXPECT_EQ(beats, 4);
  EXPECT_GE(std::chrono::steady_clock::now(), began + 3 * 50ms);
}

TEST(Service, whom_nobody_watches_or_hears_goes_on) {
  for (const auto& address : {std::string(), std::string("/nonexistent/notify")}) {
    Service service(environment({{"NOTIFY_SOCKET", address}, {"WATCHDOG_USEC", "100000"}}));
    service.ready();
    asio::io_context loop;
    TaskGroup tasks(loop.get_executor());
    tasks.spawn("watchdog", service.keep_alive());
    loop.run_for(10s);  // until nothing is left to do
    EXPECT_EQ(tasks.running(), 0U) << address;
  }
}

}  // namespace
}  // namespace holdfast::daemon
