// One client's session of the stateful revisions: what it calls, what it is told and what it is asked, and on
// which stream. Knows nothing of HTTP's requests.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/task_group.h"
#include "front/body_stream.h"
#include "front/envelope.h"
#include "front/event_log.h"
#include "gateway/consumer.h"
#include "gateway/principal.h"
#include "gateway/view.h"
#include "mcp/log_level.h"
#include "mcp/revision.h"

namespace holdfast::front {

struct McpSessionOptions {
  std::size_t requests = 256;              // in flight; more: an error
  std::size_t questions = 64;              // of servers, unanswered; more: refused
  milliseconds question_timeout{300'000};  // a human may have to answer
  // A request that takes longer gets a stream, which shows that it lives and can be resumed.
  milliseconds stream_after{15'000};
  milliseconds retry{1'000};            // what a client is told to wait before it comes back
  std::size_t stream_limit = 8U << 20;  // bytes that wait for a slow client; above what a replay may be
  ReplayLimits replay = {};
  std::shared_ptr<Backlog> backlog = nullptr;  // what all of this is part of; null: of none
};

// What a client said of itself in initialize.
struct ClientFacts {
  std::string name = "client", revision, capabilities = "{}";
  std::vector<std::pair<std::string, std::string>> headers = {};  // that came with it
};
ClientFacts client_facts(const std::string& params);

// Loop thread only. Whoever opened it ends it; what still runs then holds it a little longer.
class McpSession final : public gateway::Consumer, public std::enable_shared_from_this<McpSession> {
 public:
  // What a request becomes: one line of JSON, or a stream that ends with it; neither, if it was withdrawn.
  struct Answer {
    std::string line;
    std::shared_ptr<BodyStream> stream = nullptr;
  };
  enum class Refused { occupied, unknown_event };

  // `address`: the server's name, empty for all. `who`: whose it is. `connection`: the one that it ends with;
  // 0: none.
  McpSession(asio::any_io_executor executor, McpSessionOptions options, std::string address,
             gateway::PrincipalPtr who, const ClientFacts& client, std::uint64_t connection);

  // By HTTP+SSE all that is said goes to one stream, answers too. Before open(); what is said waits until
  // that stream is given, once.
  void use_one_stream() {
    one_stream_ = true;
    unasked_.without_ids();
  }
  void give_stream(std::shared_ptr<BodyStream> stream) { unasked_.listen(std::move(stream), {}, {}); }
  // Any message of the client's, whose answer goes there.
  void take(Envelope message);

  // Before anything else; once.
  void open(std::unique_ptr<gateway::View> view) { view_ = std::move(view); }
  [[nodiscard]] gateway::View& view() { return *view_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const gateway::PrincipalPtr& principal() const { return principal_; }
  [[nodiscard]] const mcp::Revision& revision() const { return revision_; }
  [[nodiscard]] std::uint64_t connection() const { return connection_; }

  // Answers one request. While that is one line of JSON still, cancelling it cancels the request.
  asio::awaitable<Answer> call(Envelope request, bool may_stream);
  // The answers to a batch as a JSON array; empty: there is nothing to answer.
  asio::awaitable<std::string> batch(std::vector<Envelope> messages);
  // A notification, or a response to something that was asked of it.
  void hear(const Envelope& message);
  // The stream of what belongs to no request, or the rest of the one that `last_event` is of.
  std::expected<std::shared_ptr<BodyStream>, Refused> listen(std::optional<std::string_view> last_event);

  // Since when nothing is in flight and no stream is open; nullopt: something is, or it is bound to a
  // connection.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> idle_since() const;
  // Why it may end by now: nothing is in flight, no stream is open, and one of the two times is over since
  // the client was last heard. Empty: it may not.
  [[nodiscard]] std::string_view over(std::chrono::steady_clock::time_point now, milliseconds idle,
                                      milliseconds grace) const;
  // Gives up what only a client that comes back soon would ask for.
  void forget(std::chrono::steady_clock::time_point before) { log_.forget(before, unasked_.heard()); }
  // Cancels its requests, refuses its questions and ends its streams. Idempotent.
  void end();
  // False: something of it still runs at the deadline.
  asio::awaitable<bool> ended(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] std::string_view who() const override { return principal_->name; }
  [[nodiscard]] std::string_view token() const override { return principal_->token; }
  [[nodiscard]] const mcp::ClientProfile& profile() const override { return profile_; }
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const override;
  void notified(std::string_view server, std::string_view method, std::string_view params,
                gateway::CallNumber call) override;
  asio::awaitable<Result<mcp::Reply>> asked(std::string server, std::string method, std::string params,
                                            gateway::CallNumber call) override;

 private:
  struct Call;
  struct Question;
  using SharedCall = std::shared_ptr<Call>;

  std::expected<SharedCall, std::string> begin(Envelope request, bool may_stream);
  asio::awaitable<Answer> outcome(SharedCall call);
  asio::awaitable<void> run(SharedCall call, std::string method, std::string params);
  void finish(const SharedCall& call, const Result<mcp::Reply>& reply);
  void begin_stream(Call& call);
  [[nodiscard]] std::shared_ptr<BodyStream> new_body() const;
  [[nodiscard]] std::optional<milliseconds> priming() const;
  [[nodiscard]] SharedCall find(std::string_view id) const;
  void say(gateway::CallNumber call, std::string_view line);
  void progress(gateway::CallNumber call, std::string_view params);
  void answered(const Envelope& response);

  asio::any_io_executor executor_;
  McpSessionOptions options_;
  std::string id_, address_;
  gateway::PrincipalPtr principal_;
  const mcp::Revision& revision_;
  std::uint64_t connection_;
  mcp::ClientProfile profile_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::unique_ptr<gateway::View> view_;
  EventLog log_;
  EventStream unasked_{log_, 0};   // what belongs to no request: the one of GET
  bool one_stream_ = false;        // and that is all there is
  std::uint64_t streams_ = 0;      // numbers given, besides that one
  gateway::CallNumber calls_ = 0;  // numbers given
  std::uint64_t questions_ = 0;    // numbers given
  std::map<gateway::CallNumber, SharedCall> in_flight_;
  std::map<std::string, std::shared_ptr<Question>, std::less<>> asked_;  // by our id, raw
  mcp::LogLevel least_level_ = 0;                                        // of log messages
  bool ended_ = false;
  std::chrono::steady_clock::time_point last_used_ = std::chrono::steady_clock::now();
};

}  // namespace holdfast::front
