#include "os/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace holdfast::os {

Result<ServiceManager> ServiceManager::connect(std::string_view address) {
  ServiceManager manager;
  if (address.empty()) return manager;
  sockaddr_un peer{};
  peer.sun_family = AF_UNIX;
  if ((address.front() != '/' && address.front() != '@') || address.size() >= sizeof peer.sun_path)
    return fail(Errc::invalid, "NOTIFY_SOCKET",
                "neither a path nor an abstract name: " + std::string(address));
  std::ranges::copy(address, peer.sun_path);
  if (address.front() == '@') peer.sun_path[0] = '\0';
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return sys_error("socket", "NOTIFY_SOCKET", errno);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&peer), length) != 0)
    return sys_error("connect", std::string(address), errno);
  manager.socket_ = std::move(socket);
  return manager;
}

Result<void> ServiceManager::notify(std::string_view lines) const {
  if (!socket_) return {};
  if (::send(socket_.get(), lines.data(), lines.size(), MSG_NOSIGNAL) < 0)
    return sys_error("send", "NOTIFY_SOCKET", errno);
  return {};
}

namespace {

std::optional<long long> number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::chrono::microseconds> watchdog_interval(std::string_view microseconds,
                                                           std::string_view process, int self) {
  const auto interval = number(microseconds);
  if (!interval || *interval <= 0) return std::nullopt;
  if (!process.empty() && number(process) != self) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

}  // namespace holdfast::os
