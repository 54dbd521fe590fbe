// An HTTP/1.1 client over a unix socket or TCP: one keep-alive connection, one request at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "base/task_group.h"
#include "base/url.h"
#include "base/worker.h"
#include "net/address.h"

namespace holdfast::net {

using Deadline = std::chrono::steady_clock::time_point;

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;  // Host and Content-Length are added
  std::string body;
  std::string host = "localhost";
};
struct HttpResponse {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;  // any case
};

// For a body that is to be had as it comes, such as an event stream.
struct BodyEvents {
  // Told once, before anything of the body. False: collect it, as without these events.
  std::function<bool(const HttpResponse& head)> head;
  // False: that is enough; the request ends well, and the connection with it.
  std::function<bool(std::string_view piece)> piece;
  milliseconds silence{60'000};  // the longest between two pieces; more: Errc::timeout
};

class HttpConnection {
 public:
  // Errors: the system's (ECONNREFUSED, ENOENT: nobody listens), Errc::timeout, cancelled, invalid.
  static asio::awaitable<Result<std::unique_ptr<HttpConnection>>> connect(Address address, Deadline deadline);
  // The same, by TLS where the URL says so, and to the first of a name's addresses that answers; `names`
  // looks it up (null: names are refused). Errors besides: not_found (no such name), refused (its
  // certificate).
  static asio::awaitable<Result<std::unique_ptr<HttpConnection>>> connect(Url url,
                                                                          std::shared_ptr<Worker> names,
                                                                          Deadline deadline);
  virtual ~HttpConnection() = default;

  // After any error the connection is of no more use. Errors: Errc::timeout, cancelled, closed (ended before
  // or within the answer), limit (an answer over 256 MiB), protocol (no HTTP).
  virtual asio::awaitable<Result<HttpResponse>> request(HttpRequest request, Deadline deadline) = 0;
  // The same, with a body that is told piece by piece: it may be longer than any limit, and after its head
  // only silence counts, not the deadline. The answer's body is empty then. Errc::closed: it broke off.
  virtual asio::awaitable<Result<HttpResponse>> request(HttpRequest request, Deadline deadline,
                                                        BodyEvents events) = 0;
  // Ends it, and the request under way with Errc::closed or cancelled.
  virtual void close() = 0;
  // False: broken, or the server closed it or said that it will. Between requests only.
  [[nodiscard]] virtual bool usable() const = 0;
  // While no request runs: true once the server closed the connection, false at the deadline or on
  // cancellation.
  virtual asio::awaitable<bool> closed_by_peer(Deadline deadline) = 0;
};

// One request on a connection and a loop of its own, for programs without a loop; blocks up to `limit`.
Result<HttpResponse> fetch(const Address& address, HttpRequest request, milliseconds limit);

}  // namespace holdfast::net
