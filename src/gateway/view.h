// What a client sees at one address: one server as it is (`/mcp/NAME`), or all of them under names of their
// own (`/mcp`).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"
#include "gateway/consumer.h"
#include "gateway/gateway.h"
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

// nullptr: the gateway is closed. `consumer` is held weakly.
std::unique_ptr<View> view_of_one(Gateway& gateway, std::string server, std::string label,
                                  const std::shared_ptr<Consumer>& consumer);

}  // namespace holdfast::gateway
