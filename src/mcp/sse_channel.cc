// HTTP+SSE, the transport before Streamable HTTP (spec 2024-11-05, "Transports").
#include <utility>

#include "base/url.h"
#include "mcp/http_remote.h"

namespace holdfast::mcp {

namespace {

std::unexpected<Error> no_sse(std::string_view why) { return fail(Errc::protocol, "", why); }

}  // namespace

// The handshake shows which transport is spoken.
asio::awaitable<void> HttpRemote::choose(SharedPost initialize, std::string line) {
  if (options_.transport == HttpTransport::either) {
    co_await post(initialize, line);
    if (initialize->unspoken.empty()) co_return;
  }
  const auto opened = co_await open_sse();
  const std::string refused = std::exchange(initialize->unspoken, {});
  if (over_) co_return;
  if (opened) co_return co_await post(initialize, std::move(line));
  if (refused.empty())
    give_up(initialize, opened.error());
  else
    refuse(initialize, refused + "; nor is it HTTP+SSE: " + opened.error().message());
  forget(initialize);
}

// Opens the stream, and waits until it says where messages go.
asio::awaitable<Result<void>> HttpRemote::open_sse() {
  const auto stream = std::make_shared<Post>();
  stream->sse = true;
  tasks_.spawn("mcp.http.sse", hear_sse(shared_from_this(), stream));
  const bool known = co_await named_.wait_until(in(options_.connect_timeout));
  if (by_sse()) co_return Result<void>{};
  if (!known) withdraw(stream);
  if (sse_failure_) co_return std::unexpected(*sse_failure_);
  co_return fail(Errc::timeout, "", "it does not say where messages go");
}

// Such a server need not say anything while nothing happens: that it is lost is TCP's to notice, and each
// request has its deadline.
asio::awaitable<void> HttpRemote::hear_sse(std::shared_ptr<HttpRemote> self, SharedPost stream) {
  const auto response = co_await exchange(make_request("GET", {}), stream);
  if (over_) co_return;
  if (by_sse()) co_return close("its stream ended" + (sse_failure_ ? ": " + sse_failure_->message() : ""));
  if (!response)
    sse_failure_ = response.error();
  else if (!is_stream(*response))
    sse_failure_ = no_sse(refusal(*response)).error();
  else if (!sse_failure_)
    sse_failure_ = no_sse("its stream ended before it said where messages go").error();
  named_.set();
}

// False: the stream is of no use.
bool HttpRemote::hear_event(net::SseEvent&& event, const SharedPost& stream) {
  if (event.type.empty() || event.type == "message") {
    if (by_sse() && !event.data.empty()) tell(std::move(event.data), stream);
    return !over_;
  }
  if (event.type != "endpoint" || by_sse()) return !over_;
  const auto endpoint = resolve_url(options_.url, event.data);
  if (!endpoint)
    sse_failure_ = endpoint.error();
  else if (!same_origin(options_.url, *endpoint))
    sse_failure_ = no_sse("it sends messages to another origin: " + event.data).error();
  else
    endpoint_ = endpoint->target;
  named_.set();
  return by_sse();
}

}  // namespace holdfast::mcp
