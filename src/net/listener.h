// A listening socket: a unix socket that appears only when it can be answered, or a TCP port.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "net/address.h"
#include "net/tls_door.h"
#include "os/peer.h"

namespace holdfast::net {

// Who connected.
struct Peer {
  bool local = false;     // over a unix socket: uid and pid are known
  bool loopback = false;  // over TCP, from an address of this machine's loopback
  uid_t uid = 0;
  pid_t pid = 0;
};
struct Accepted {
  Socket socket;
  Peer peer;
};

class Listener {
 public:
  // Unix: bound aside, mode 0600, listening, then renamed into place. A dead socket is replaced; a live one
  // is Errc::refused, and so is a file of another kind. TCP: port 0 takes any, see address(). An address with
  // TLS needs a door, which what is accepted comes through; without one: Errc::invalid.
  static Result<Listener> open(const asio::any_io_executor& executor, const Address& address,
                               std::shared_ptr<TlsDoor> door = nullptr);
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  // As bound.
  [[nodiscard]] const Address& address() const { return address_; }
  // The next client. Errc::closed after close(), Errc::cancelled when the awaiting coroutine was; other
  // errors may pass (no descriptors left): wait a little, then try again.
  asio::awaitable<Result<Accepted>> accept();
  // Unlinks the unix socket if it is still ours, then stops listening. Idempotent.
  void close();

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
  Listener(Acceptor acceptor, Address address)
      : acceptor_(std::move(acceptor)), address_(std::move(address)) {}
  static Result<Listener> open_local(const asio::any_io_executor& executor, const Address& address);
  static Result<Listener> open_tcp(const asio::any_io_executor& executor, const Address& address);
  // A connection as whoever serves it sees it.
  Result<Socket> indoors(Socket accepted);

  Acceptor acceptor_;
  Address address_;
  std::optional<os::FileIdentity> file_;
  std::shared_ptr<TlsDoor> door_;  // of an address with TLS
};

}  // namespace holdfast::net
