// What a client sees at one address: one server as it is (`/mcp/NAME`), or all of them under names of their
// own (`/mcp`).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"
#include "gateway/consumer.h"
#include "gateway/gateway.h"
#include "gateway/listing.h"
#include "gateway/rights.h"
#include "gateway/session.h"
#include "mcp/client.h"
#include "mcp/message.h"

namespace holdfast::gateway {

// Owns one session: destroying it releases every lease.
class View {
 public:
  virtual ~View() = default;
  [[nodiscard]] virtual const std::string& session_id() const = 0;

  // What the client is answered to initialize; the revision is the front's own to negotiate.
  virtual asio::awaitable<Result<mcp::InitializeResult>> hello() = 0;
  // As Session::request, with the names that this view shows.
  virtual asio::awaitable<Result<mcp::Reply>> request(std::string_view method, std::string_view params,
                                                      CallOptions options) = 0;
  virtual Result<void> notify(std::string_view method, std::string_view params) = 0;
};

// nullptr: the gateway is closed. `consumer` is held weakly. What `rights` do not permit is as if it were not
// there: hello() of such a server is Errc::not_found.
std::unique_ptr<View> view_of_one(Gateway& gateway, std::string server, std::string label,
                                  const std::shared_ptr<Consumer>& consumer, const Rights& rights = {});

struct AllOptions {
  // How long a listing waits for a server of whom nothing is remembered; what comes later is told by
  // list_changed.
  std::chrono::milliseconds patience{10'000};
  std::chrono::milliseconds listing_time{60'000};  // in which a server has to list all of one kind
  std::size_t instructions = 4096;                 // bytes, of all servers together
  PageLimits page{};
  Rights rights{};  // what they do not permit is not shown, and is unknown to whoever asks for it
};

// All servers under the names of gateway/names.h, in the order of theirs. initialize and what is remembered
// of listings start nothing; who is missing from a list is named, with the reason, in the result's
// _meta["holdfast/unavailable"]. URIs are not rewritten: of two servers with one, the first has it, and the
// other's is not listed. A request starts the server that it goes to, and no listing has to come before.
// nullptr: the gateway is closed. `consumer` is held weakly, and may hear list_changed of no server in
// particular.
std::unique_ptr<View> view_of_all(Gateway& gateway, std::string label,
                                  const std::shared_ptr<Consumer>& consumer, AllOptions options = {});

}  // namespace holdfast::gateway
