#include "os/service_manager.h"

#include <gtest/gtest.h>

#include <string>

#include "os/fake_manager.h"

namespace holdfast::os {
namespace {

TEST(ServiceManager, a_datagram_arrives_as_it_was_said) {
  const FakeManager manager;
  const auto service = ServiceManager::connect(manager.address());
  ASSERT_TRUE(service) << service.error().message();
  ASSERT_TRUE(service->notify("READY=1\nSTATUS=up"));
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=up");
}

TEST(ServiceManager, nobody_is_told_where_nobody_asked) {
  const auto service = ServiceManager::connect("");
  ASSERT_TRUE(service);
  EXPECT_FALSE(*service);
  EXPECT_TRUE(service->notify("READY=1"));
}

TEST(ServiceManager, an_address_of_another_kind_is_an_error) {
  EXPECT_FALSE(ServiceManager::connect("vsock:2:1234"));
  EXPECT_FALSE(ServiceManager::connect("/" + std::string(200, 'x')));
  EXPECT_FALSE(ServiceManager::connect("/nonexistent/notify"));
}

// A manager that is stopped must not stop us.
TEST(ServiceManager, who_does_not_read_is_not_waited_for) {
  const FakeManager manager;
  const auto service = ServiceManager::connect(manager.address());
  ASSERT_TRUE(service);
  Result<void> said;
  for (int i = 0; i < 100'000 && said; ++i) said = service->notify("WATCHDOG=1");
  ASSERT_FALSE(said);
  EXPECT_TRUE(said.error().is_errno(EAGAIN));
}

TEST(ServiceManager, the_watchdog_is_for_the_process_that_it_names) {
  using std::chrono::microseconds;
  EXPECT_EQ(watchdog_interval("30000000", "", 42), microseconds(30'000'000));
  EXPECT_EQ(watchdog_interval("30000000", "42", 42), microseconds(30'000'000));
  EXPECT_EQ(watchdog_interval("30000000", "41", 42), std::nullopt);
  for (const auto* nothing : {"", "0", "-5", "soon", "5s"})
    EXPECT_EQ(watchdog_interval(nothing, "", 42), std::nullopt);
}

}  // namespace
}  // namespace holdfast::os
