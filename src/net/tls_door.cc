#include "net/tls_door.h"

#include <openssl/err.h>

#include <array>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/log.h"

namespace holdfast::net {
namespace {

namespace ssl = asio::ssl;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kPiece = 16U << 10;  // bytes: a TLS record's most

// OpenSSL asks the terminal where nobody answers for it.
std::string no_passphrase(std::size_t, ssl::context::password_purpose) { return {}; }

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kHttp.data(), kHttp.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<ssl::context>> read_files(const TlsFiles& files) {
  const auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  const auto wrong = [](const std::string& file, const error_code& ec) {
    return fail(Errc::invalid, "", file + ": " + ec.message());
  };
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, nullptr);
  error_code ec;
  context->set_password_callback(no_passphrase, ec);
  context->use_certificate_chain_file(files.certificate, ec);
  if (ec) return wrong(files.certificate, ec);
  context->use_private_key_file(files.key, ssl::context::pem, ec);  // checks that it fits the certificate
  if (ec) return wrong(files.key, ec);
  return context;
}

// A client outside and who serves it inside, and the bytes between them.
class Passage : public std::enable_shared_from_this<Passage> {
 public:
  Passage(Socket outside, Socket inside, std::shared_ptr<ssl::context> context, TlsDoorOptions options)
      : context_(std::move(context)),
        outside_(std::move(outside), *context_),
        inside_(std::move(inside)),
        timer_(inside_.get_executor()),
        options_(options) {}

  static asio::awaitable<void> run(std::shared_ptr<Passage> self) {
    error_code ec;
    self->set_deadline(self->options_.handshake);
    {
      TaskGroup watch(self->inside_.get_executor());
      watch.spawn("tls.watch", leave_with_inside(self));
      co_await self->outside_.async_handshake(ssl::stream_base::server,
                                              asio::redirect_error(asio::use_awaitable, ec));
    }
    self->timer_.cancel();
    if (ec) {
      log::debug("tls.handshake_failed", {{"error", ec.message()}});
      co_return self->close();
    }
    TaskGroup inwards(self->inside_.get_executor());
    inwards.spawn("tls.inwards", carry_inwards(self));
    co_await self->carry_outwards();
    self->close();  // ends the other direction
  }
  void close() {
    error_code ignored;
    outside_.next_layer().close(ignored);
    inside_.close(ignored);
  }

 private:
  // Before the handshake only one thing can come from inside: that this one is let go, to make room.
  static asio::awaitable<void> leave_with_inside(std::shared_ptr<Passage> self) {
    error_code ec;
    co_await self->inside_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) self->close();
  }

  // Until the client has said its last. Inside, the end of the stream shows that.
  static asio::awaitable<void> carry_inwards(std::shared_ptr<Passage> self) {
    std::array<char, kPiece> piece;
    error_code ec;
    while (true) {
      const std::size_t n = co_await self->outside_.async_read_some(
          asio::buffer(piece), asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
      co_await asio::async_write(self->inside_, asio::buffer(piece, n),
                                 asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
    }
    self->inside_.shutdown(Socket::shutdown_send, ec);
  }

  asio::awaitable<void> carry_outwards() {
    std::array<char, kPiece> piece;
    error_code ec;
    while (true) {
      const std::size_t n = co_await inside_.async_read_some(asio::buffer(piece),
                                                             asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
      set_deadline(options_.write);
      co_await asio::async_write(outside_, asio::buffer(piece, n),
                                 asio::redirect_error(asio::use_awaitable, ec));
      timer_.cancel();
      if (ec) co_return;
    }
    set_deadline(options_.farewell);
    co_await outside_.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
    timer_.cancel();
  }

  void set_deadline(milliseconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([weak = weak_from_this()](const error_code& ec) {
      if (const auto late = weak.lock(); late && !ec && late->timer_.expiry() <= steady_clock::now())
        late->close();
    });
  }

  std::shared_ptr<ssl::context> context_;
  ssl::stream<Socket> outside_;
  Socket inside_;
  asio::steady_timer timer_;
  TlsDoorOptions options_;
};

class Door final : public TlsDoor {
 public:
  Door(asio::any_io_executor executor, std::shared_ptr<ssl::context> context, TlsDoorOptions options)
      : executor_(std::move(executor)),
        context_(std::move(context)),
        options_(options),
        passages_(executor_) {}

  Result<Socket> admit(Socket outside) override {
    asio::local::stream_protocol::socket ours(executor_), theirs(executor_);
    error_code ec;
    asio::local::connect_pair(ours, theirs, ec);
    if (ec) return std::unexpected(Error{std::error_code(ec), "socketpair", {}});
    const auto passage =
        std::make_shared<Passage>(std::move(outside), Socket(std::move(ours)), context_, options_);
    passages_.spawn("tls.passage", Passage::run(passage));
    return Socket(std::move(theirs));
  }
  Result<void> renew(const TlsFiles& files) override {
    auto read = read_files(files);
    if (!read) return forward(read);
    context_ = std::move(*read);
    return {};
  }
  [[nodiscard]] std::size_t connections() const override { return passages_.running(); }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<ssl::context> context_;
  TlsDoorOptions options_;
  TaskGroup passages_;
};

}  // namespace

Result<void> check(const TlsFiles& files) {
  auto read = read_files(files);
  if (!read) return forward(read);
  return {};
}

Result<std::unique_ptr<TlsDoor>> TlsDoor::create(asio::any_io_executor executor, const TlsFiles& files,
                                                 TlsDoorOptions options) {
  auto context = read_files(files);
  if (!context) return forward(context);
  return std::make_unique<Door>(std::move(executor), std::move(*context), options);
}

}  // namespace holdfast::net
