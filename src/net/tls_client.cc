#include <openssl/err.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/impl/src.hpp>  // here and nowhere else: Asio is compiled separately
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/mutant.h"
#include "net/wire.h"

namespace holdfast::net {
namespace {

namespace ssl = asio::ssl;
using boost::system::error_code;

// The authorities are read from disk once.
ssl::context& client_context() {
  static ssl::context context = [] {
    ssl::context made(ssl::context::tls_client);
    error_code ignored;
    made.set_default_verify_paths(ignored);  // without any, no certificate is good
    made.set_verify_mode(kSwitchedOff == Mechanism::certificate ? ssl::verify_none : ssl::verify_peer,
                         ignored);
    SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);
    return made;
  }();
  return context;
}

class TlsWire final : public Wire {
 public:
  TlsWire(const asio::any_io_executor& executor, std::string host)
      : Wire(executor), host_(std::move(host)), stream_(socket, client_context()) {}

  asio::awaitable<Result<void>> shake_hands() override {
    // The name is told before it is proven (SNI), so that the peer can choose its certificate.
    SSL_set_tlsext_host_name(stream_.native_handle(), host_.c_str());
    error_code ec;
    stream_.set_verify_callback(ssl::host_name_verification(host_), ec);
    co_await stream_.async_handshake(ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) co_return Result<void>{};
    if (ec == asio::error::operation_aborted) co_return fail(Errc::cancelled, "tls", host_);
    co_return fail(Errc::refused, "", "TLS with " + host_ + " failed: " + why(ec));
  }
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, error_code& ec) override {
    const std::size_t n =
        co_await stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
    if (ec == ssl::error::stream_truncated) ec = asio::error::eof;  // HTTP says by itself where a body ends
    co_return n;
  }
  asio::awaitable<void> write(std::array<asio::const_buffer, 2> all, error_code& ec) override {
    co_await asio::async_write(stream_, all, asio::redirect_error(asio::use_awaitable, ec));
  }

 private:
  [[nodiscard]] std::string why(const error_code& ec) const {
    const long verdict = SSL_get_verify_result(stream_.native_handle());
    return verdict == X509_V_OK ? ec.message() : X509_verify_cert_error_string(verdict);
  }

  std::string host_;
  mutable ssl::stream<Socket&> stream_;
};

}  // namespace

std::shared_ptr<Wire> make_tls_wire(const asio::any_io_executor& executor, std::string host) {
  return std::make_shared<TlsWire>(executor, std::move(host));
}

}  // namespace holdfast::net
