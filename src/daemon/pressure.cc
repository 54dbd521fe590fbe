#include "daemon/pressure.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/duration.h"
#include "base/log.h"
#include "os/pressure.h"

namespace holdfast::daemon {

namespace {

constexpr milliseconds kStall{200}, kWindow{2000};  // a tenth; 2 s is the shortest for unprivileged users

}  // namespace

asio::awaitable<void> on_pressure(UniqueFd trigger, std::function<void()> relieve) {
  asio::posix::stream_descriptor news(co_await asio::this_coro::executor, trigger.release());
  for (;;) {
    boost::system::error_code ec;
    co_await news.async_wait(asio::posix::stream_descriptor::wait_error,
                             asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
    relieve();
  }
}

asio::awaitable<void> watch_memory(std::function<bool(const std::string& reason)> evict) {
  auto trigger = os::open_memory_pressure(kStall, kWindow);
  if (!trigger) {
    log::info("memory.not_watched",
              {{"reason", "this kernel does not tell of memory pressure: " + trigger.error().message()}});
    co_return;
  }
  co_await on_pressure(std::move(*trigger), [evict = std::move(evict)] {
    if (!evict("memory of this machine is short"))
      log::debug("memory.short", {{"reason", "no instance is idle"}});
  });
}

}  // namespace holdfast::daemon
