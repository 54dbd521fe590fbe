#include "net/listener.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <filesystem>

#include "base/ids.h"
#include "net/tcp.h"

namespace holdfast::net {

namespace fs = std::filesystem;
using asio::generic::stream_protocol;

namespace {

std::unexpected<Error> net_error(const boost::system::error_code& ec, std::string_view op,
                                 const Address& address) {
  return std::unexpected(Error{std::error_code(ec), op, std::string_view(to_string(address))});
}

// Whether somebody listens there. Only "refused" and "not there" mean nobody: a full backlog is life too.
bool answers(const asio::any_io_executor& executor, const stream_protocol::endpoint& endpoint) {
  Socket probe(executor);
  boost::system::error_code ec;
  probe.open(endpoint.protocol(), ec);
  if (!ec) probe.non_blocking(true, ec);
  if (!ec) probe.connect(endpoint, ec);
  return ec != boost::system::errc::connection_refused &&
         ec != boost::system::errc::no_such_file_or_directory;
}

Result<void> refuse_unless_free(const asio::any_io_executor& executor, const Address& address,
                                const stream_protocol::endpoint& endpoint) {
  const auto there = os::identify_file(address.path.c_str());
  if (!there) return {};
  if (!there->is_socket)
    return fail(Errc::refused, "listen: a file that is no socket is in the way", address.path);
  if (answers(executor, endpoint))
    return fail(Errc::refused, "listen: another gateway answers on", address.path);
  return {};
}

asio::ip::tcp::endpoint to_tcp(const asio::generic::stream_protocol::endpoint& any) {
  asio::ip::tcp::endpoint tcp;
  tcp.resize(any.size());
  std::memcpy(tcp.data(), any.data(), any.size());
  return tcp;
}

// False where that is not known: the client may be gone already.
bool comes_from_loopback(const Socket& socket) {
  boost::system::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec) return false;
  const auto address = to_tcp(peer).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

}  // namespace

Result<Listener> Listener::open(const asio::any_io_executor& executor, const Address& address,
                                std::shared_ptr<TlsDoor> door) {
  if (address.local) return open_local(executor, address);
  if (address.tls && !door) return fail(Errc::invalid, "listen: no certificate for", to_string(address));
  auto listener = open_tcp(executor, address);
  if (listener && address.tls) listener->door_ = std::move(door);
  return listener;
}

Result<Listener> Listener::open_local(const asio::any_io_executor& executor, const Address& address) {
  const auto final_endpoint = to_endpoint(address);
  if (!final_endpoint) return std::unexpected(final_endpoint.error());
  if (auto free = refuse_unless_free(executor, address, *final_endpoint); !free) return forward(free);

  const Address aside =
      unix_address((fs::path(address.path).parent_path() / (".hf" + random_hex(4))).string());
  const auto endpoint = to_endpoint(aside);
  if (!endpoint) return std::unexpected(endpoint.error());
  Acceptor acceptor(executor);
  boost::system::error_code ec;
  acceptor.open(endpoint->protocol(), ec);
  if (!ec) acceptor.bind(*endpoint, ec);
  if (ec) return net_error(ec, "bind", aside);
  // Nobody can connect before listen(), so there is no moment at which the mode is wider than 0600.
  std::error_code failed;
  fs::permissions(aside.path, fs::perms::owner_read | fs::perms::owner_write, failed);
  const auto identity = os::identify_file(aside.path.c_str());
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (!failed && !ec) fs::rename(aside.path, address.path, failed);
  if (failed || ec || !identity) {
    std::error_code ignored;
    fs::remove(aside.path, ignored);
    if (failed) return std::unexpected(Error{failed, "listen", std::string_view(address.path)});
    return net_error(ec, "listen", address);
  }
  Listener listener(std::move(acceptor), address);
  listener.file_ = *identity;
  return listener;
}

Result<Listener> Listener::open_tcp(const asio::any_io_executor& executor, const Address& address) {
  const auto endpoint = to_endpoint(address);
  if (!endpoint) return std::unexpected(endpoint.error());
  Acceptor acceptor(executor);
  boost::system::error_code ec;
  acceptor.open(endpoint->protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(*endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return net_error(ec, "listen", address);
  Address bound = address;
  const auto local = acceptor.local_endpoint(ec);
  if (ec) return net_error(ec, "getsockname", address);
  bound.port = to_tcp(local).port();
  return Listener(std::move(acceptor), std::move(bound));
}

Listener::~Listener() { close(); }

void Listener::close() {
  if (!acceptor_.is_open()) return;
  if (file_) {
    const auto now = os::identify_file(address_.path.c_str());
    std::error_code ignored;
    if (now && *now == *file_) fs::remove(address_.path, ignored);
  }
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

asio::awaitable<Result<Accepted>> Listener::accept() {
  boost::system::error_code ec;
  Socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, ec));
  if (ec == asio::error::operation_aborted) {
    co_return fail(acceptor_.is_open() ? Errc::cancelled : Errc::closed, "accept");
  }
  if (ec) co_return net_error(ec, "accept", address_);
  Accepted accepted{std::move(socket), {}};
  if (address_.local) {
    const auto who = os::peer_credentials(accepted.socket.native_handle());
    if (!who) co_return std::unexpected(who.error());
    accepted.peer = {.local = true, .uid = who->uid, .pid = who->pid};
  } else {
    prepare(accepted.socket);
    accepted.peer.loopback = comes_from_loopback(accepted.socket);
    auto socket = indoors(std::move(accepted.socket));
    if (!socket) co_return forward(socket);
    accepted.socket = std::move(*socket);
  }
  co_return accepted;
}

Result<Socket> Listener::indoors(Socket accepted) {
  if (!door_) return accepted;
  return door_->admit(std::move(accepted));
}

}  // namespace holdfast::net
