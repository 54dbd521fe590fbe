// For tests: a service manager that reads what it is told, at an abstract address of its own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/unique_fd.h"

namespace holdfast::os {

class FakeManager {
 public:
  FakeManager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un any{};
    any.sun_family = AF_UNIX;
    (void)::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family);
    sockaddr_un own{};
    socklen_t length = sizeof own;
    (void)::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &length);
    address_ = '@' + std::string(own.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1);
  }
  // As $NOTIFY_SOCKET has it.
  [[nodiscard]] const std::string& address() const { return address_; }
  // The next datagram; empty: none came.
  [[nodiscard]] std::string heard() const {
    std::array<char, 256> buffer{};
    const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  UniqueFd socket_;
  std::string address_;
};

}  // namespace holdfast::os
