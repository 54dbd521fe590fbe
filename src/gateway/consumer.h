// Who stands behind a session and can be spoken to: a live client. A run of a job has none.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"
#include "mcp/client.h"
#include "mcp/message.h"

namespace holdfast::gateway {

// One call of a session, as its consumer numbers them; 0: none.
using CallNumber = std::uint64_t;

// Loop thread only. A session holds it weakly: who is gone is told nothing, and what is asked of it is
// refused.
class Consumer {
 public:
  virtual ~Consumer() = default;

  // Whose rights it has, for records: a token's name, "anonymous", "owner".
  [[nodiscard]] virtual std::string_view who() const { return {}; }
  // The id of the token that it came with; empty: it came without.
  [[nodiscard]] virtual std::string_view token() const { return {}; }
  // What servers are told of it in their handshake; does not change while a session is open.
  [[nodiscard]] virtual const mcp::ClientProfile& profile() const = 0;

  // The value of a header that came with initialize, the name in any case. nullopt: there was none, or more
  // than one value.
  [[nodiscard]] virtual std::optional<std::string> header(std::string_view) const { return std::nullopt; }

  // A notification of a server's (raw params, empty if absent). `call` is the one of this session that it
  // belongs to, 0 if that is not known. Must not block, nor end the session.
  virtual void notified(std::string_view server, std::string_view method, std::string_view params,
                        CallNumber call) = 0;

  // A request of a server's: sampling/createMessage, elicitation/create, roots/list, tasks/*. Only what the
  // profile declares is asked. Cancelling the awaiting coroutine withdraws the question; that happens when
  // the session ends, too. Who asks does not hold the consumer meanwhile: the coroutine has to hold for
  // itself what it needs, and should not hold the session. Errors: closed (the client is gone), timeout.
  virtual asio::awaitable<Result<mcp::Reply>> asked(std::string server, std::string method,
                                                    std::string params, CallNumber call) = 0;
};

// A session as the instances that it uses know it.
struct Contact {
  std::string session;               // its id
  mcp::ClientProfile profile;        // normalised
  std::weak_ptr<Consumer> consumer;  // empty: nobody can be spoken to, or the session has ended
};
using ContactPtr = std::shared_ptr<const Contact>;

}  // namespace holdfast::gateway
