// TLS in front of a listening socket. It ends at the door: whoever accepts reads and writes plain bytes, and
// knows no more of it than that.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "net/address.h"

namespace holdfast::net {

struct TlsFiles {
  std::string certificate;  // PEM: the server's own first, then whoever vouches for it
  std::string key;          // PEM, without a passphrase

  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

struct TlsDoorOptions {
  std::chrono::milliseconds handshake{10'000};  // from the accepted connection to the end of the handshake
  std::chrono::milliseconds write{60'000};      // until a client has taken what one read from inside brought
  std::chrono::milliseconds farewell{2'000};    // to say that nothing more comes
};

// Whether a door could be made of them. Errors as of create().
Result<void> check(const TlsFiles& files);

// TLS 1.2 and 1.3, HTTP/1.1 by ALPN. Loop thread only.
class TlsDoor {
 public:
  // Reads both files. Errors, with the file and OpenSSL's reason: invalid.
  static Result<std::unique_ptr<TlsDoor>> create(asio::any_io_executor executor, const TlsFiles& files,
                                                 TlsDoorOptions options);
  virtual ~TlsDoor() = default;  // ends the connections that are left

  // The inside of a connection that was accepted. It ends when the client has gone, has not shaken hands in
  // time or did so badly; closing it ends the client's. Errors: no descriptors left.
  virtual Result<Socket> admit(Socket outside) = 0;
  // Both files once more, for connections to come. On errors (as of create()) all stays as it is.
  virtual Result<void> renew(const TlsFiles& files) = 0;
  // Connections that have not ended.
  [[nodiscard]] virtual std::size_t connections() const = 0;
};

}  // namespace holdfast::net
