// An instance of a server that runs elsewhere (`url`): a client of its endpoint, and no tree.
#include "base/ids.h"
#include "base/url.h"
#include "gateway/instance.h"
#include "mcp/http_channel.h"

namespace holdfast::gateway {

using std::chrono::steady_clock;

asio::awaitable<void> Instance::run_remote(std::shared_ptr<Instance> self, std::shared_ptr<Worker> names) {
  auto url = parse_url(server_.url);
  if (!url) {  // the configuration was checked, so this is an environment that changed
    fail(url.error());
    co_return;
  }
  using mcp::HttpTransport;
  mcp::HttpChannelOptions options{.url = std::move(*url),
                                  .transport = server_.sse ? HttpTransport::sse : HttpTransport::either,
                                  .names = std::move(names),
                                  .line_limit = server_.line_limit};
  for (const auto& [name, value] : server_.headers) options.headers.emplace_back(name, value);
  remote_id_ = server_.name + "-" + random_hex(5);
  started_at_ = std::chrono::system_clock::now();
  client_ = mcp::Client::over(loop_.get_executor(),
                              mcp::make_http_channel(loop_.get_executor(), std::move(options)), server_.name,
                              conversation_->events([this](const Error& e) { channel_closed(e); }));
  if (holders_.empty()) retire("its session ended while it started");
  co_await shake_hands();
}

// It gives its session back; nothing has to be proven gone.
asio::awaitable<void> Instance::leave_remote(std::shared_ptr<Instance> self) {
  if (client_) {
    co_await client_->stop_writing(steady_clock::now() + server_.stop.eof);
    client_->release();
  }
  set_state(InstanceState::gone);
}

}  // namespace holdfast::gateway
