#include "net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

namespace holdfast::net {
namespace {

using Found = Result<std::vector<Address>>;

Found look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* first = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &first); error != 0)
    return fail(Errc::not_found, "", host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(first, &::freeaddrinfo);
  std::vector<Address> found;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    char text[INET6_ADDRSTRLEN];
    const bool six = one->ai_family == AF_INET6;
    const void* bytes =
        six ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr)
            : &reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr;
    if (::inet_ntop(one->ai_family, bytes, text, sizeof text) != nullptr)
      found.push_back({.local = false, .path = {}, .host = text, .port = port});
  }
  if (found.empty()) return fail(Errc::not_found, "", host + ": it has no address");
  return found;
}

}  // namespace

asio::awaitable<Found> resolve(std::shared_ptr<Worker> names, std::string host, std::uint16_t port,
                               std::chrono::steady_clock::time_point deadline) {
  const auto patience =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  co_return co_await names->try_run([host, port] { return look_up(host, port); }, patience);
}

}  // namespace holdfast::net
