#include "gateway/instance.h"

#include <csignal>
#include <utility>

#include "base/duration.h"
#include "base/log.h"
#include "base/mutant.h"
#include "gateway/profile.h"
#include "gateway/resolve.h"
#include "gateway/server_limits.h"

namespace holdfast::gateway {

using std::chrono::steady_clock;

void Lease::release() noexcept {
  if (const auto instance = std::exchange(instance_, nullptr)) instance->release(std::exchange(holder_, 0));
}

bool Lease::usable() const { return instance_ != nullptr && instance_->held_by(holder_); }

// Counts one call for as long as its coroutine lives, however it ends.
class Instance::CallGuard {
 public:
  explicit CallGuard(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {
    ++instance_->calls_;
    instance_->touch();
  }
  ~CallGuard() {
    --instance_->calls_;
    instance_->touch();
    if (instance_->calls_ > 0) return;
    instance_->retire_if_drained();
    instance_->hooks_.changed(*instance_);
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  std::shared_ptr<Instance> instance_;
};

namespace {

constexpr std::size_t kMostWaitingCalls = 256;  // of one instance that takes one call after the other
// The end of a server's output may be read this long before its exit is told, or its last words.
constexpr milliseconds kToldWithin{200};
constexpr milliseconds kLookWithin{3'000};  // for what is installed

}  // namespace

Instance::Instance(asio::io_context& loop, custody::Custodian& custodian, const config::Server& server,
                   std::string key, mcp::ClientProfile profile, std::shared_ptr<store::QueuedLog> log,
                   Hooks hooks)
    : loop_(loop),
      custodian_(custodian),
      server_(server),
      key_(std::move(key)),
      tools_(server.tools_include, server.tools_exclude),
      log_(std::move(log)),
      hooks_(std::move(hooks)),
      conversation_(std::make_shared<Conversation>(loop.get_executor(), server.name, std::move(profile))),
      last_activity_(steady_clock::now()),
      start_by_(last_activity_ + server.connect_timeout),
      idle_timer_(loop),
      lifetime_timer_(loop),
      turnstile_(loop.get_executor(), kMostWaitingCalls),
      changed_(loop.get_executor()),
      exited_(loop.get_executor()),
      tasks_(loop.get_executor()) {}

Instance::~Instance() { conversation_->close(); }

void Instance::set_state(InstanceState state) {
  if (state_ == state) return;
  state_ = state;
  changed_.set();
  changed_.clear();
  hooks_.changed(*this);
}

Lease Instance::hold(Holder holder) {
  const std::uint64_t id = next_holder_++;
  conversation_->joined(holder.contact);
  holders_.emplace(id, std::move(holder));
  idle_since_.reset();
  return Lease(shared_from_this(), id);
}

void Instance::release(std::uint64_t holder) noexcept {
  const auto it = holders_.find(holder);
  if (it == holders_.end()) return;  // taken back before
  log::debug("lease.released", {{"server", server_.name}, {"session", it->second.session}});
  const ContactPtr who = it->second.contact;
  holders_.erase(it);
  retire_if_drained();
  if (holders_.empty() && !is_ending()) {
    idle_since_ = std::chrono::system_clock::now();
    hooks_.unheld(*this);
  }
  conversation_->left(who);
}

asio::awaitable<void> Instance::run(std::shared_ptr<Instance> self, std::vector<std::string> environment,
                                    std::shared_ptr<Worker> looking) {
  custody::Command command{.program = server_.command,
                           .arguments = server_.args,
                           .environment = std::move(environment),
                           .cwd = server_.cwd};
  if (looking && server_.resolve && is_launcher(command.program)) {
    command = co_await without_launcher(std::move(command), std::move(looking));
    if (state_ != InstanceState::starting) {
      set_state(InstanceState::gone);  // nothing was started
      co_return;
    }
  }
  custody::TreeSpec spec{
      .name = server_.name,
      .command = std::move(command),
      .graces = {.eof = server_.stop.eof, .term = server_.stop.term, .lost = server_.stop.lost},
      .pidns = server_.isolation == "pidns",
      .limits = limits_of(server_)};
  auto started = co_await custodian_.start(std::move(spec));
  if (!started) {
    if (custody::is_shortage(started.error()))
      give_up(started.error());
    else
      fail(started.error());
    set_state(InstanceState::gone);  // custody left nothing
    co_return;
  }
  tree_ = std::move(*started);
  watch_tree();
  stderr_ =
      std::make_unique<PipeReader>(loop_.get_executor(), tree_->stderr_fd(), [this](std::string_view text) {
        log_->append(text);
        tail_.append(text);
      });
  if (kSwitchedOff != Mechanism::stderr_is_read) tasks_.spawn("stderr", stderr_->run());
  client_ = mcp::Client::over_stdio(loop_.get_executor(), tree_->stdout_fd(), tree_->stdin_fd(),
                                    {.name = server_.name, .line_limit = server_.line_limit},
                                    conversation_->events([this](const Error& e) { channel_closed(e); }));
  if (holders_.empty()) retire("its session ended while it started");
  if (state_ != InstanceState::starting) {
    hooks_.changed(*this);  // retired before there was a tree to make an orphan of
    co_return;
  }
  co_await shake_hands();
}

// A look that a file system keeps waiting is given up, and nothing is lost but the time.
asio::awaitable<custody::Command> Instance::without_launcher(custody::Command written,
                                                             std::shared_ptr<Worker> looking) {
  const auto look = [written]() -> Result<Launch> { return resolve(written); };
  auto launch = co_await looking->try_run(look, kLookWithin);
  if (!launch)
    launch = Launch{.command = std::move(written), .direct = false, .how = launch.error().message()};
  resolution_ = Resolution{.direct = launch->direct, .how = launch->how};
  log::info(launch->direct ? "instance.direct" : "instance.as_written",
            {{"server", server_.name}, {"key", key_}, {launch->direct ? "program" : "reason", launch->how}});
  co_return std::move(launch->command);
}

asio::awaitable<void> Instance::shake_hands() {
  if (state_ != InstanceState::starting) co_return;
  conversation_->open(*client_);
  auto hello = co_await client_->initialize(start_by_, conversation_->told());
  if (state_ != InstanceState::starting) co_return;  // retired meanwhile
  if (!hello) {
    co_await explain_failure(hello.error());
    co_return;
  }
  hello_ = std::move(*hello);
  touch();
  set_state(InstanceState::ready);
  arm_idle_timer();
  arm_lifetime_timer();
}

// A handshake that failed says little by itself: how the server ended and its last words say why.
Error Instance::explained(Error error) const {
  FixedString<224> text(server_.name);
  if (error.is(Errc::timeout))
    text.append(": no answer to initialize in ")
        .append(format_duration(server_.connect_timeout))
        .append(" (connectTimeout)");
  // It did answer; or it runs elsewhere, and has neither an exit nor last words.
  if (error.is(Errc::protocol) || (is_remote() && !error.is(Errc::timeout)))
    text.append(": ").append(error.subject.view());
  if (!exit_text_.empty()) text.append(" ended before it answered (").append(exit_text_).append(")");
  text.append(and_the_memory(""));
  if (const auto words = tail_.last_words(140); !words.empty()) text.append("; stderr: ").append(words);
  error.op = {};
  error.subject = text;
  return error;
}

// A symptom, and what may have been its cause: the kernel tells that it killed for want of memory, not when.
std::string Instance::and_the_memory(std::string symptom) const {
  const std::string cause = tree_ ? tree_->out_of_memory() : std::string();
  return cause.empty() ? symptom : std::move(symptom) + "; " + cause;
}

asio::awaitable<void> Instance::explain_failure(Error error) {
  if (error.is(Errc::closed)) {
    const auto deadline = steady_clock::now() + kToldWithin;
    if (!is_remote()) {
      (void)co_await exited_.wait_until(deadline);
      co_await stderr_->wait_end(deadline);
    }
  }
  if (state_ == InstanceState::starting) fail(explained(error));
}

void Instance::fail(Error error) {
  hooks_.failed(*this, error.message());
  give_up(error);
}

void Instance::give_up(Error error) {
  const std::string why = error.message();
  log::warn("instance.failed", {{"server", server_.name}, {"key", key_}, {"reason", why}});
  failure_ = error;
  retire(why);
}

void Instance::watch_tree() {
  const std::weak_ptr<Instance> weak = weak_from_this();
  custody::Tree::Watcher watcher;
  watcher.before_stop = [weak](steady_clock::time_point deadline) -> asio::awaitable<void> {
    if (const auto self = weak.lock()) return self->before_stop(deadline);
    return []() -> asio::awaitable<void> { co_return; }();
  };
  watcher.leader_exited = [weak](custody::ExitStatus status, bool served_on) {
    if (const auto self = weak.lock()) self->leader_exited(status, served_on);
  };
  watcher.retiring = [weak] {
    const auto self = weak.lock();
    if (!self || self->state_ == InstanceState::starting) return;  // then the handshake fails, and tells more
    self->retire(self->tree_->reason());
  };
  watcher.gone = [weak](const custody::Ending&) {
    const auto self = weak.lock();
    if (!self) return;
    if (self->stderr_) self->stderr_->stop();
    if (self->state_ == InstanceState::starting)
      self->fail(self->explained(Error{make_error_code(Errc::closed), "initialize", {}}));
    self->retire("gone");
    if (self->client_) self->client_->release();
    self->set_state(InstanceState::gone);
  };
  tree_->watch(std::move(watcher));
}

asio::awaitable<void> Instance::before_stop(steady_clock::time_point deadline) {
  if (client_) co_await client_->stop_writing(deadline);
}

void Instance::leader_exited(custody::ExitStatus status, bool served_on) {
  exit_text_ = custody::to_string(status);
  exited_.set();
  if (served_on) {
    tasks_.spawn("ping", ping_successor(shared_from_this()));
    return;
  }
  if (state_ == InstanceState::starting) return;   // the handshake fails by itself and tells more
  if (steady_clock::now() < unsignalled_until_) {  // its output ended a moment before its exit was told
    reason_ += " (" + exit_text_ + ")";
    return hooks_.explained(*this, reason_);
  }
  if (state_ != InstanceState::ready) return;
  std::string why = "the server ended by itself (" + exit_text_ + ")";
  if (status.signal == SIGKILL)  // as the kernel's own: then the cause says it all
    if (auto cause = tree_->out_of_memory(); !cause.empty()) why = std::move(cause);
  hooks_.failed(*this, why);
  retire(why);
}

// A wrapper handed its pipes over and left: whoever has them must answer, or nobody is served.
asio::awaitable<void> Instance::ping_successor(std::shared_ptr<Instance> self) {
  if (state_ == InstanceState::starting) co_return;  // the handshake is the question
  for (;;) {
    const auto deadline = steady_clock::now() + milliseconds(5000);
    const auto answer = co_await client_->request("ping", "", {.deadline = deadline, .progress = {}});
    if (answer || state_ != InstanceState::ready || co_await is_cancelled()) co_return;
    if (calls_ == 0)
      break;  // busy with a call, it may answer nothing else (I8): the call has its own deadline
    // Where nothing was sent (too much waits to be written) the request failed at once.
    if (!co_await sleep_until(deadline) || state_ != InstanceState::ready) co_return;
  }
  const std::string why = "its leader left and no successor answered";
  hooks_.failed(*this, why);
  retire(why);
}

void Instance::channel_closed(const Error& error) {
  if (state_ != InstanceState::ready) return;
  const std::string why = and_the_memory("its channel closed: " + std::string(error.subject.view()));
  unsignalled_until_ = steady_clock::now() + server_.stop.eof;
  hooks_.failed(*this, why);
  retire(why);
}

// It fails by itself when its time is over: who only looked at the clock would leave it before it did, and a
// server that never answers would count as one that nobody waited for.
asio::awaitable<Result<void>> Instance::wait_ready() {
  const auto self = shared_from_this();
  const auto latest = start_by_ + 2 * kToldWithin;
  while (state_ == InstanceState::starting && !failure_) {
    if (co_await changed_.wait_until(latest)) continue;
    if (state_ != InstanceState::starting) break;
    if (co_await is_cancelled()) co_return holdfast::fail(Errc::cancelled, "connect", server_.name);
    co_return holdfast::fail(Errc::timeout, "connect", server_.name);
  }
  if (state_ == InstanceState::ready) co_return Result<void>{};
  if (failure_) co_return std::unexpected(*failure_);
  co_return holdfast::fail(Errc::closed, "", server_.name + ": " + reason_);
}

asio::awaitable<Result<mcp::Reply>> Instance::request(ContactPtr who, std::string_view method,
                                                      std::string_view params, CallOptions options) {
  if (method == "tools/call" && !tools_.offers_all())
    if (const auto tool = tools_.withheld(params))
      co_return mcp::Reply{.result = {},
                           .error = mcp::RpcError{mcp::kInvalidParams, "Unknown tool: " + *tool, {}}};
  const bool listing = method == "tools/list" && !tools_.offers_all();
  const CallGuard guard(shared_from_this());
  auto turn = co_await take_turn(options.deadline);
  if (!turn) co_return forward(turn);
  Conversation::Call call(*conversation_, who, options.number, options.deadline, server_.call_timeout);
  auto reply = co_await conversation_->request(std::move(who), method, params,
                                               {.deadline = call.deadline(),
                                                .progress = std::move(options.progress),
                                                .extended = [&call] { return call.deadline(); }});
  call.ended(reply);
  if (!reply && reply.error().is(Errc::closed)) {
    if (steady_clock::now() < unsignalled_until_)
      (void)co_await exited_.wait_until(steady_clock::now() + kToldWithin);
    FixedString<224> text(server_.name);
    text.append(": ").append(reason_.empty() ? "the server went away" : reason_);
    if (const auto words = tail_.last_words(100); !words.empty()) text.append("; stderr: ").append(words);
    reply.error().op = {};
    reply.error().subject = text;
  }
  if (!listing || !reply || reply->error) co_return reply;
  auto offered = tools_.listing(std::move(reply->result));
  if (!offered) co_return std::unexpected(offered.error());
  reply->result = *std::move(offered);
  co_return reply;
}

asio::awaitable<Result<std::vector<mcp::Tool>>> Instance::tools(ContactPtr who) {
  const CallGuard guard(shared_from_this());
  auto turn = co_await take_turn(steady_clock::time_point::max());
  if (!turn) co_return forward(turn);
  Conversation::Call call(*conversation_, std::move(who), 0, steady_clock::time_point::max(),
                          server_.call_timeout);
  auto all = co_await client_->list_tools(call.deadline());
  call.ended(all);
  if (all) std::erase_if(*all, [this](const mcp::Tool& tool) { return !tools_.offers(tool.name); });
  co_return all;
}

Result<void> Instance::notify(std::string_view method, std::string_view params) {
  touch();
  // It has not been told of anybody's roots.
  if (method == "notifications/roots/list_changed" && !offers(conversation_->told(), "roots/list", {}))
    return {};
  return client_->notify(method, params);
}

void Instance::retire(const std::string& reason) {
  if (is_ending()) return;
  reason_ = reason;
  idle_timer_.cancel();
  lifetime_timer_.cancel();
  conversation_->close();
  holders_.clear();
  set_state(InstanceState::retiring);
  if (is_remote()) tasks_.spawn("leave", leave_remote(shared_from_this()));
}

void Instance::drain(const std::string& reason, Spares spares) {
  if (is_ending()) return;
  if (!std::exchange(draining_, true)) {
    drain_reason_ = reason;
    log::info("instance.draining", {{"server", server_.name},
                                    {"key", key_},
                                    {"reason", reason},
                                    {"holders", holders_.size()},
                                    {"calls", calls_}});
  }
  if (spares == Spares::calls_and_runs) {
    // No call is in flight on one that starts: who waits for it gets the next one.
    if (state_ == InstanceState::starting) return retire(drain_reason_);
    std::erase_if(holders_, [this](const auto& entry) {
      if (entry.second.kind != SessionKind::client) return false;
      conversation_->left(entry.second.contact);
      return true;
    });
  }
  retire_if_drained();
  hooks_.changed(*this);
}

void Instance::retire_if_drained() {
  const bool used = !holders_.empty() || calls_ > 0;
  if (draining_ && (!used || kSwitchedOff == Mechanism::drain_spares_the_used)) retire(drain_reason_);
}

// `concurrency: serial`. The wait is no part of callTimeout, but bounded as if it were.
asio::awaitable<Result<Turnstile::Turn>> Instance::take_turn(steady_clock::time_point deadline) {
  if (!server_.serial) co_return Turnstile::Turn();
  auto turn = co_await turnstile_.enter(std::min(deadline, steady_clock::now() + server_.call_timeout));
  if (!turn) {
    FixedString<224> text(server_.name);
    text.append(" takes one call after the other");
    if (const auto why = turn.error().subject.view(); !why.empty()) text.append(": ").append(why);
    turn.error().subject = text;
  }
  co_return turn;
}

void Instance::touch() { last_activity_ = steady_clock::now(); }

// One timer that is never re-armed by a call: when it fires it looks how long the silence really lasted.
void Instance::arm_idle_timer() {
  if (!server_.idle_timeout || server_.background || state_ != InstanceState::ready) return;
  idle_timer_.expires_at(last_activity_ + *server_.idle_timeout);
  idle_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self || self->state_ != InstanceState::ready) return;
    if (self->calls_ > 0 && kSwitchedOff != Mechanism::calls_hold_off_idleness) self->touch();
    if (steady_clock::now() < self->last_activity_ + *self->server_.idle_timeout)
      return self->arm_idle_timer();
    self->retire("idle for " + format_duration(*self->server_.idle_timeout));
  });
}

void Instance::arm_lifetime_timer() {
  if (!server_.max_lifetime) return;
  lifetime_timer_.expires_after(*server_.max_lifetime);
  lifetime_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    if (const auto self = weak.lock(); self && !ec)
      self->drain("older than " + format_duration(*self->server_.max_lifetime) + " (maxLifetime)",
                  Spares::calls_and_runs);
  });
}

bool Instance::may_be_evicted() const {
  if (kSwitchedOff == Mechanism::eviction_spares_the_held) return state_ == InstanceState::ready;
  return is_idle() && calls_ == 0 && !server_.background;
}

std::optional<SystemTime> Instance::idle_since() const {
  return holders_.empty() ? idle_since_ : std::nullopt;
}

std::optional<SystemTime> Instance::stop_at() const {
  if (state_ != InstanceState::ready || calls_ > 0) return std::nullopt;
  auto at = steady_clock::time_point::max();
  if (server_.idle_timeout && !server_.background) at = last_activity_ + *server_.idle_timeout;
  if (server_.max_lifetime) at = std::min(at, lifetime_timer_.expiry());
  if (at == steady_clock::time_point::max()) return std::nullopt;
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<SystemTime::duration>(at - steady_clock::now());
}

}  // namespace holdfast::gateway
