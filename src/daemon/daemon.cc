#include "daemon/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "base/caught.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/task_group.h"
#include "config/load.h"
#include "custody/custodian.h"
#include "daemon/check.h"
#include "daemon/exposure.h"
#include "daemon/paths.h"
#include "daemon/pressure.h"
#include "daemon/reload.h"
#include "daemon/run_access.h"
#include "daemon/service.h"
#include "daemon/start_failure.h"
#include "daemon/state_lock.h"
#include "daemon/state_watch.h"
#include "front/control_api.h"
#include "front/http_server.h"
#include "front/mcp_endpoint.h"
#include "front/public_service.h"
#include "gateway/audit.h"
#include "gateway/gateway.h"
#include "gateway/token_file.h"
#include "gateway/tokens.h"
#include "net/listener.h"
#include "net/tls_door.h"
#include "os/descriptors.h"
#include "os/process.h"
#include "os/signals.h"
#include "schedule/scheduler.h"
#include "store/history.h"

namespace holdfast::daemon {
namespace {

using std::chrono::steady_clock;
constexpr std::string_view kOwn = "a thread or a descriptor of the gateway's own";

// What outlives everybody: the loop, and a thread that brings its answers there and may not come back.
struct Ground {
  asio::io_context loop{1};
  std::shared_ptr<Worker> looking = std::make_shared<Worker>(64);  // at what may not answer
  std::shared_ptr<Worker> names = std::make_shared<Worker>(64);    // of remote servers
  std::shared_ptr<Worker> audit;                                   // null: none; its file may lie anywhere
};

// Everybody, in the order in which they are introduced; destroyed in the reverse one.
class Daemon {
 public:
  Daemon(Ground& ground, config::Config config, Paths paths, ServeOptions options, const StateLock& lock,
         gateway::TokenList tokens)
      : config_(std::move(config)),
        paths_(std::move(paths)),
        options_(std::move(options)),
        loop_(ground.loop),
        looking_(ground.looking),
        names_(ground.names),
        audit_disk_(ground.audit),
        state_watch_(lock.file(), looking_),
        tokens_(gateway::token_file_in(paths_.state_dir), std::move(tokens), looking_) {
    if (auto before = os::raise_descriptor_limit()) descriptors_ = *before;
  }

  int run();

 private:
  Result<void> build();
  asio::awaitable<void> live();
  asio::awaitable<Result<void>> start();
  Result<void> listen();
  Result<void> make_door();
  void renew_door(const config::Config& config);
  Result<net::Listener> listen_on(Result<Address> address);
  asio::awaitable<void> drain();
  asio::awaitable<void> stop();
  asio::awaitable<void> wait_for_calls_and_runs(steady_clock::time_point deadline);
  asio::awaitable<void> reload_when_asked();
  void wait_for_signal();
  void on_signal(int number);
  void request_stop(std::string_view why);

  config::Config config_;
  Paths paths_;
  ServeOptions options_;
  Service service_{process_environment()};
  std::optional<os::DescriptorLimit> descriptors_;  // what we had before we took more: for children
  asio::io_context& loop_;
  std::shared_ptr<Worker> looking_, names_, audit_disk_;
  StateWatch state_watch_;
  gateway::Tokens tokens_;
  RunAccess run_access_{loop_.get_executor(), tokens_, paths_.state_dir / "runs", looking_};
  asio::signal_set signals_{loop_, SIGINT, SIGTERM, SIGHUP};
  std::unique_ptr<custody::Custodian> custodian_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<store::History> history_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::optional<Reloader> reloader_;
  std::unique_ptr<front::McpEndpoint> mcp_;
  std::optional<front::ControlApi> control_;
  std::shared_ptr<net::TlsDoor> door_;  // of the addresses with https://
  std::unique_ptr<front::HttpServer> server_;
  Event stop_requested_{loop_.get_executor()};
  Event reload_requested_{loop_.get_executor()};  // by SIGHUP; those that come together are one
  Event hurry_{loop_.get_executor()};             // drained, or a second signal
  int stop_requests_ = 0;
  int exit_code_ = 0;
  TaskGroup tasks_{loop_.get_executor()};
};

// `custody.require`: a weaker rung than the one asked for is no rung.
Result<void> offers(const custody::RungReport& found, std::string_view required) {
  if (required == "pidns" && !found.no_pidns.empty())
    return fail(Errc::refused, "",
                "the configuration requires pidns, and here no PID namespace can be had: " + found.no_pidns);
  if (required == "pidns" || required == "any" || required == custody::to_string(found.rung)) return {};
  return fail(Errc::refused, "",
              "the configuration requires " + std::string(required) + ", and here is only " +
                  std::string(custody::to_string(found.rung)) + ": " + found.reason);
}

// The drain, the longest ladder, and what SIGKILL and the good-byes may take. `running`: the longest graces
// of what runs already, whose entry may have changed since, or gone.
milliseconds longest_stop(const config::Config& config, milliseconds running) {
  milliseconds ladder = running;
  for (const auto& [name, server] : config.servers)
    ladder = std::max(ladder, server.stop.eof + server.stop.term);
  return config.drain + ladder + std::chrono::seconds(10);
}

net::TlsFiles files_of(const config::Tls& tls) { return {.certificate = tls.certificate, .key = tls.key}; }

std::shared_ptr<gateway::Audit> audit_of(const config::Audit& wanted, std::shared_ptr<Worker> disk) {
  if (!disk) return nullptr;
  using Detail = gateway::Audit::Detail;
  return std::make_shared<gateway::Audit>(std::move(disk), wanted.file,
                                          wanted.arguments ? Detail::arguments : Detail::names);
}

// Who asks for more than the machine offers is not started on less.
void refuse_pidns(std::map<std::string, config::Server>& servers, const std::string& why) {
  for (auto& [name, server] : servers) {
    if (server.isolation != "pidns" || !server.unusable.empty()) continue;
    server.unusable = "isolation: pidns cannot be had here: " + why;
    log::warn("server.unusable", {{"server", name}, {"reason", server.unusable}});
  }
}

void say_failed(const Error& error, const Paths& paths) {
  if (const auto help = advice(error, paths); help.empty())
    log::error("gateway.failed", {{"error", error.message()}});
  else
    log::error("gateway.failed", {{"error", error.message()}, {"advice", help}});
}

// Whether the worker has done all that it was given; false: not in a second.
bool comes_to_rest(Worker& worker) {
  const auto done = std::make_shared<std::promise<void>>();
  const auto rest = done->get_future();
  return worker.post([done] { done->set_value(); }) &&
         rest.wait_for(std::chrono::seconds(1)) == std::future_status::ready;
}

int Daemon::run() {
  if (auto built = caught(kOwn, [this] { return build(); }); !built) {
    say_failed(built.error(), paths_);
    return kExitFailed;
  }
  // From the first moment on a signal means an orderly stop, not the default action in the middle of a start.
  wait_for_signal();
  tasks_.spawn("gateway", live());
  loop_.run();
  return exit_code_;
}

Result<void> Daemon::build() {
  const auto log_dir = paths_.state_dir / "logs";
  std::error_code ec;
  std::filesystem::create_directories(log_dir, ec);
  if (ec) return sys_error("mkdir", log_dir.string(), ec.value());
  auto custodian = custody::Custodian::open(loop_, {.state_dir = paths_.state_dir,
                                                    .keeper = paths_.keeper,
                                                    .pidns = config_.custody_require == "pidns",
                                                    .descriptors = descriptors_});
  if (!custodian) return forward(custodian);
  custodian_ = std::move(*custodian);
  if (auto enough = offers(custodian_->rung(), config_.custody_require); !enough) return forward(enough);
  const auto fit = [this, why = custodian_->rung().no_pidns](config::Config& config) {
    if (!options_.listen.empty()) config.listen = options_.listen;
    if (!why.empty()) refuse_pidns(config.servers, why);
  };
  fit(config_);
  gateway_ = gateway::Gateway::create(loop_, *custodian_, config_,
                                      {.log_dir = log_dir,
                                       .catalog_dir = paths_.state_dir / "catalog",
                                       .audit = audit_of(config_.audit, audit_disk_),
                                       .names = names_,
                                       .looking = looking_});
  auto history = store::History::open(paths_.state_dir / "holdfast.db", random_hex(8));
  if (!history) return forward(history);
  history_ = std::move(*history);
  scheduler_ = schedule::Scheduler::create(loop_, *gateway_, *custodian_, *history_, config_,
                                           {.workers = config_.scheduler_workers,
                                            .log_dir = log_dir,
                                            .access = [this](const config::Job& job, std::string run) {
                                              return run_access_.give(job, std::move(run));
                                            }});
  reloader_.emplace(loop_.get_executor(), looking_, config_, *gateway_, *scheduler_, fit,
                    [this](const config::Config& config) { renew_door(config); });
  return make_door();
}

Result<void> Daemon::make_door() {
  if (config_.tls.key.empty()) return {};
  auto door = net::TlsDoor::create(loop_.get_executor(), files_of(config_.tls), {});
  if (!door) return forward(door);
  door_ = std::move(*door);
  return {};
}

void Daemon::renew_door(const config::Config& config) {
  if (!door_ || config.tls.key.empty()) return;
  if (const auto renewed = door_->renew(files_of(config.tls)); !renewed)
    log::error("tls.not_renewed",
               {{"error", renewed.error().message()}, {"reason", "what was shown before is shown still"}});
}

asio::awaitable<void> Daemon::live() {
  const auto started = co_await start();
  if (!started) {
    say_failed(started.error(), paths_);
    exit_code_ = kExitFailed;
  } else {
    service_.ready();
    tasks_.spawn("watchdog", service_.keep_alive());
    TaskGroup watches(loop_.get_executor());
    watches.spawn("reload", reload_when_asked());
    watches.spawn("state", state_watch_.run());
    watches.spawn("memory",
                  watch_memory([this](const auto& reason) { return gateway_->evict_idle(reason); }));
    (void)co_await stop_requested_.wait_until(steady_clock::time_point::max());
    watches.cancel();
    service_.stopping(longest_stop(config_, custodian_->longest_graces()));
    co_await drain();
  }
  co_await stop();
}

// What an earlier gateway left goes first; the sockets appear last, when there is somebody to answer.
asio::awaitable<Result<void>> Daemon::start() {
  (void)co_await custodian_->recover();  // which has said what it found
  if (auto scheduled = co_await scheduler_->start(); !scheduled) co_return forward(scheduled);
  co_return caught(kOwn, [this] { return listen(); });
}

Result<void> Daemon::listen() {
  std::vector<net::Listener> open;
  std::vector<Address> addresses;
  front::GatewayFacts facts{.version = HOLDFAST_VERSION,
                            .pid = ::getpid(),
                            .started_at = std::chrono::system_clock::now(),
                            .listen = {},
                            .anonymous = std::string(to_string(config_.auth_anonymous))};
  for (const auto& text : config_.listen) {
    auto listener = listen_on(parse_address(text));
    if (!listener) return forward(listener);
    addresses.push_back(listener->address());
    facts.listen.push_back(to_string(addresses.back()));
    log::info("gateway.listening", {{"address", facts.listen.back()}, {"serves", "/mcp"}});
    open.push_back(std::move(*listener));
  }
  warn_of_exposure(facts.listen, config_.auth_anonymous);
  auto control = listen_on(unix_address(paths_.socket.string()));
  if (!control) return forward(control);

  const auto executor = loop_.get_executor();
  const auto backlog = std::make_shared<front::Backlog>(static_cast<std::size_t>(config_.http.backlog));
  mcp_ = front::McpEndpoint::create(executor, *gateway_,
                                    {.session_idle_timeout = config_.session_idle_timeout,
                                     .reconnect_grace = config_.session_reconnect_grace,
                                     .sessions = static_cast<std::size_t>(config_.http.sessions),
                                     .session = {.backlog = backlog}});
  tokens_.on_revoked([this](const auto& who) { mcp_->end_sessions_of(who); });
  control_.emplace(
      front::ControlContext{.executor = executor,
                            .gateway = *gateway_,
                            .scheduler = *scheduler_,
                            .custodian = *custodian_,
                            .tokens = tokens_,
                            .hooks = {.facts = std::move(facts),
                                      .shutdown = [this] { request_stop("asked for on the control socket"); },
                                      .reload = [this] { return reloader_->reload(); },
                                      .warning = [this] { return state_watch_.warning(); }},
                            .measuring = looking_});
  const auto rate = std::make_shared<front::RateLimit>(config_.http.rate);
  server_ = front::HttpServer::create(
      executor, {.connections = static_cast<std::size_t>(config_.http.connections), .backlog = backlog});
  server_->on_connection_closed([this](std::uint64_t connection) { mcp_->connection_closed(connection); });
  for (auto& listener : open) {
    const Address bound = listener.address();
    auto service = front::public_service(*mcp_, bound, {tokens_, config_.auth_anonymous, rate},
                                         [this] { return stop_requests_ == 0; });
    service.body_limit = static_cast<std::uint64_t>(config_.http.body);
    server_->serve(std::move(listener), std::move(service));
  }
  server_->serve(std::move(*control), front::control_service(*control_, *mcp_));
  run_access_.listens_on(addresses);
  log::info("gateway.ready", {{"pid", ::getpid()},
                              {"socket", paths_.socket.string()},
                              {"state", paths_.state_dir.string()},
                              {"servers", config_.servers.size()},
                              {"jobs", config_.jobs.size()}});
  return {};
}

Result<net::Listener> Daemon::listen_on(Result<Address> address) {
  if (!address) return forward(address);
  return net::Listener::open(loop_.get_executor(), *address, door_);
}

asio::awaitable<void> Daemon::reload_when_asked() {
  while (co_await reload_requested_.wait_until(steady_clock::time_point::max())) {
    reload_requested_.clear();
    (void)co_await reloader_->reload();  // which has said what came of it
    if (co_await is_cancelled()) co_return;
  }
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& ec, int number) {
    if (ec) return;
    on_signal(number);
    wait_for_signal();
  });
}

void Daemon::on_signal(int number) {
  if (number == SIGHUP) return reload_requested_.set();
  request_stop(number == SIGINT ? "SIGINT" : "SIGTERM");
}

void Daemon::request_stop(std::string_view why) {
  log::info("gateway.stopping",
            {{"reason", why}, {"drain", stop_requests_ == 0 ? format_duration(config_.drain) : "skipped"}});
  stop_requested_.set();
  if (stop_requests_++ > 0) hurry_.set();
}

// New work is refused from here on; calls and runs in flight get their time, unless a second signal says
// otherwise.
asio::awaitable<void> Daemon::drain() {
  gateway_->close();
  const auto deadline = steady_clock::now() + config_.drain;
  TaskGroup waiting(loop_.get_executor());
  waiting.spawn("drain", wait_for_calls_and_runs(deadline));
  (void)co_await hurry_.wait_until(deadline);
  waiting.cancel();
  (void)co_await waiting.join(steady_clock::now() + milliseconds(1000));
  co_await scheduler_->stop(steady_clock::now());
}

asio::awaitable<void> Daemon::wait_for_calls_and_runs(steady_clock::time_point deadline) {
  co_await scheduler_->stop(deadline);
  if (co_await gateway_->drained(deadline)) hurry_.set();
}

asio::awaitable<void> Daemon::stop() {
  if (mcp_) co_await mcp_->stop(steady_clock::now() + milliseconds(500));
  const auto report = co_await custodian_->shutdown();
  for (const auto& tree : report.unkillable) log::error("gateway.unkillable", {{"tree", tree}});
  if (!report.unkillable.empty()) exit_code_ = kExitFailed;
  if (server_) co_await server_->stop(steady_clock::now() + milliseconds(500));
  log::info("gateway.stopped", {{"reaped", report.reaped.size()}, {"unkillable", report.unkillable.size()}});
  loop_.stop();  // the custodian waits for the signals of children as long as it lives
}

}  // namespace

int serve(const ServeOptions& options) {
  os::ignore_signal(
      SIGXFSZ);  // a file that may grow no further (RLIMIT_FSIZE) is an error to tell, not an end
  // A log that nobody reads holds up nothing: the loop writes it.
  log::configure(options.log_level, options.log_format,
                 [](std::string_view line) { return os::write_what_fits(STDERR_FILENO, line); });
  auto loaded = load_for_serving(options);
  if (!loaded) return kExitConfiguration;  // every problem has been printed
  auto paths = resolve_paths(options);
  if (!paths) {
    log::error("gateway.failed", {{"error", paths.error().message()}});
    return paths.error().is(Errc::limit) ? kExitUsage : kExitFailed;
  }
  auto lock = StateLock::take(paths->state_dir);
  if (!lock) {
    if (!lock.error().is(Errc::refused)) return say_failed(lock.error(), *paths), kExitFailed;
    std::fprintf(stderr, "holdfast: %s\n", std::string(lock.error().subject.view()).c_str());
    return kExitLocked;
  }
  auto tokens = gateway::read_tokens(gateway::token_file_in(paths->state_dir));
  if (!tokens) return say_failed(tokens.error(), *paths), kExitFailed;
  const auto& listen = options.listen.empty() ? loaded->listen : options.listen;
  if (const auto why = why_not_to_listen_with_tls(listen, loaded->tls); !why.empty()) {
    std::fprintf(stderr, "holdfast: %s\n", why.c_str());
    return kExitConfiguration;
  }
  if (const auto why =
          why_not_to_listen(listen, loaded->auth_anonymous, *tokens, std::chrono::system_clock::now());
      !why.empty()) {
    std::fprintf(stderr, "holdfast: %s\n", why.c_str());
    return kExitConfiguration;
  }
  std::optional<Ground> ground;
  std::optional<Daemon> daemon;
  const auto made = caught(kOwn, [&]() -> Result<void> {
    ground.emplace();
    if (!loaded->audit.file.empty()) ground->audit = std::make_shared<Worker>();
    daemon.emplace(*ground, std::move(*loaded), *paths, options, *lock, std::move(*tokens));
    return {};
  });
  if (!made) return say_failed(made.error(), *paths), kExitFailed;
  const int code = daemon->run();
  daemon.reset();
  const auto rests = [](const auto& worker) { return !worker || comes_to_rest(*worker); };
  if (!rests(ground->looking) || !rests(ground->names) || !rests(ground->audit)) {
    log::warn("gateway.left_waiting",
              {{"reason", "a file system or the name service does not answer; the process ends without it"}});
    os::end_process(code);  // nobody could join that thread
  }
  return code;
}

}  // namespace holdfast::daemon
