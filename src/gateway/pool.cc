#include "gateway/pool.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/duration.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/plural.h"
#include "gateway/environment.h"
#include "gateway/profile.h"
#include "gateway/server_limits.h"
#include "gateway/sharing.h"

namespace holdfast::gateway {

using std::chrono::steady_clock;

namespace {

constexpr std::int64_t kStderrLogBytes = 1 << 20;
constexpr int kStderrLogGenerations = 3;

std::string_view to_string(config::Sharing sharing) {
  switch (sharing) {
    case config::Sharing::session:
      return "session";
    case config::Sharing::shared:
      return "shared";
    case config::Sharing::key:
      return "key";
  }
  return "session";
}

SystemTime wall_clock(steady_clock::time_point at) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<SystemTime::duration>(at - steady_clock::now());
}

// "digest/17, 1 call in flight", for whoever has to wait for them.
std::string users_of(const Instance& instance) {
  std::string out;
  for (const auto& [id, holder] : instance.holders()) out += (out.empty() ? "" : ", ") + holder.label;
  if (const int calls = instance.calls_in_flight(); calls > 0)
    out += (out.empty() ? "" : ", ") + counted(calls, "call", "calls") + " in flight";
  return out;
}

}  // namespace

Pool::Pool(asio::io_context& loop, custody::Custodian& custodian, const config::Config& config,
           GatewayOptions options)
    : loop_(loop),
      custodian_(custodian),
      options_(std::move(options)),
      drain_(config.drain),
      changed_(loop.get_executor()),
      tasks_(loop.get_executor()) {
  for (const auto& [name, entry] : config.servers) servers_.emplace(name, std::make_shared<Server>(entry));
}

// One acquire() that waits, however its coroutine ends.
class Pool::Acquiring {
 public:
  explicit Acquiring(Pool& pool) : pool_(pool) { ++pool_.acquiring_; }
  ~Acquiring() {
    --pool_.acquiring_;
    pool_.pulse();
  }
  Acquiring(const Acquiring&) = delete;
  Acquiring& operator=(const Acquiring&) = delete;

 private:
  Pool& pool_;
};

asio::awaitable<Result<Lease>> Pool::acquire(std::string name, Holder holder) {
  const auto found = servers_.find(name);
  if (found == servers_.end()) co_return fail(Errc::not_found, "server", name);
  ServerPtr server = found->second;
  const auto deadline = steady_clock::now() + server->config->connect_timeout;
  const Acquiring acquiring(*this);

  for (;;) {
    // One reload may have removed it, and the next have brought another of that name.
    if (const auto now = servers_.find(name); now != servers_.end()) server = now->second;
    const auto config = server->config;
    if (server->removed) co_return fail(Errc::not_found, "", name + ": removed from the configuration");
    if (refuses(holder.kind)) co_return fail(Errc::refused, "", name + ": the gateway is shutting down");
    if (!config->enabled) co_return fail(Errc::refused, "", name + ": disabled in the configuration");
    if (!config->unusable.empty()) co_return fail(Errc::refused, "", name + ": " + config->unusable);

    const auto under = shared_under(*config, holder.contact->consumer.lock().get());
    config::Server entry = *config;
    if (!under) entry.sharing = config::Sharing::session;
    mcp::ClientProfile profile = profile_for(entry, holder.contact->profile);
    const std::string key = under ? *under + key_suffix(profile) : holder.session;
    Lease lease;
    std::shared_ptr<Instance> instance;
    if (const auto it = server->instances.find(key);
        it != server->instances.end() && !it->second->is_ending() && !it->second->is_draining()) {
      instance = it->second;
      lease = instance->hold(holder);
    } else {
      auto room = co_await wait_for_room(server, key, holder.kind, deadline);
      if (!room) co_return forward(room);
      if (server->removed || server->config != config || server->instances.contains(key) ||
          refuses(holder.kind))
        continue;  // a reload or somebody else was quicker
      auto started = start(server, entry, key, std::move(profile), lease, holder);
      if (!started) co_return forward(started);
      instance = std::move(*started);
    }
    auto ready = co_await instance->wait_ready();
    if (ready) co_return lease;
    if (!instance->is_draining() || ready.error().is(Errc::cancelled) || steady_clock::now() >= deadline)
      co_return forward(ready);
    // It was replaced while it started, which is no fault of who waits: the next one, then.
  }
}

// Until a new instance of (server, key) may start: the old one proven gone, the backoff over, a place below
// the cap.
asio::awaitable<Result<void>> Pool::wait_for_room(ServerPtr kept, std::string key, SessionKind kind,
                                                  steady_clock::time_point deadline) {
  Server& server = *kept;
  const auto config = server.config;
  const std::string& name = config->name;
  while (!refuses(kind)) {
    if (server.config != config || server.removed) co_return Result<void>{};  // the caller looks again
    auto until = deadline;
    std::string why;
    if (const auto it = server.instances.find(key); it != server.instances.end()) {
      const Instance& before = *it->second;
      if (!before.is_ending() && !before.is_draining())
        co_return Result<void>{};  // a new one is there already
      const auto& tree = before.tree();
      why = name + (before.is_ending() ? ": the instance before is not proven gone yet"
                                       : ": the instance before is still used by " + users_of(before));
      if (tree && tree->state() == custody::TreeState::unkillable)
        co_return fail(Errc::refused, "",
                       name + ": the instance before cannot be killed (" + tree->reason() + ")");
    } else if (const auto answer = server.budget.ask(steady_clock::now());
               answer.verdict == RestartBudget::Verdict::parked) {
      co_return fail(Errc::refused, "", name + ": failed too often, last: " + server.last_failure);
    } else if (answer.verdict == RestartBudget::Verdict::backoff) {
      until = std::min(deadline, answer.until);
      why = name + ": backing off, last failure: " + server.last_failure;
    } else if (static_cast<int>(server.instances.size()) >= config->max_instances) {
      why = name + ": all of " + counted(config->max_instances, "instance", "instances") +
            " in use (maxInstances)";
      const bool one_ends =
          std::ranges::any_of(server.instances, [](const auto& i) { return i.second->is_ending(); });
      if (const auto longest = longest_idle(server); longest && !one_ends)
        longest->retire("its place is needed (maxInstances)");  // it is free once it is proven gone
    } else {
      co_return Result<void>{};
    }
    (void)co_await changed_.wait_until(until);
    if (co_await is_cancelled()) co_return fail(Errc::cancelled, "connect", name);
    if (steady_clock::now() >= deadline)
      co_return fail(
          Errc::timeout, "",
          why + ", and was so for " + format_duration(config->connect_timeout) + " (connectTimeout)");
  }
  co_return fail(Errc::refused, "", name + ": the gateway is shutting down");
}

std::shared_ptr<Instance> Pool::longest_idle(const Server& server) {
  std::shared_ptr<Instance> longest;
  for (const auto& [key, instance] : server.instances)
    if (instance->may_be_evicted() && (!longest || instance->idle_since() < longest->idle_since()))
      longest = instance;
  return longest;
}

Result<std::shared_ptr<Instance>> Pool::start(const ServerPtr& server, const config::Server& entry,
                                              const std::string& key, mcp::ClientProfile profile,
                                              Lease& lease, Holder holder) {
  auto log = log_of(*server);
  Instance::Hooks hooks{.unheld = [this](Instance& i) { unheld(i); },
                        .changed = [this](Instance& i) { changed(i); },
                        .failed =
                            [weak = std::weak_ptr(server)](Instance& i, const std::string& why) {
                              const auto its = weak.lock();
                              if (!its || i.is_draining()) return;  // it is being replaced anyway
                              its->last_failure = why;
                              its->budget.failed(steady_clock::now());
                            },
                        .explained =
                            [weak = std::weak_ptr(server)](Instance& i, const std::string& why) {
                              const auto its = weak.lock();
                              if (its && !i.is_draining()) its->last_failure = why;
                            }};
  auto instance = std::make_shared<Instance>(loop_, custodian_, entry, key, std::move(profile),
                                             std::move(log), std::move(hooks));
  lease = instance->hold(std::move(holder));
  server->instances.emplace(key, instance);
  ++server->starts;
  if (instance->is_remote()) {
    tasks_.spawn("instance", instance->run_remote(instance, options_.names));
    return instance;
  }
  warn_of_limits(*server->config, custodian_.rung().limits);
  tasks_.spawn("instance",
               instance->run(instance, make_environment(environ, server->config->env), options_.looking));
  return instance;
}

std::shared_ptr<store::QueuedLog> Pool::log_of(Server& server) {
  if (!server.log)
    server.log = std::make_shared<store::QueuedLog>(
        log_disk_, stderr_log(server.config->name),
        store::LogLimits{.max_bytes = kStderrLogBytes, .generations = kStderrLogGenerations});
  return server.log;
}

bool Pool::has_server(std::string_view name) const { return servers_.contains(name); }

std::filesystem::path Pool::stderr_log(std::string_view server) const {
  return options_.log_dir / (std::string(server) + ".stderr.log");
}

void Pool::unheld(Instance& instance) {
  const bool kept =
      instance.server().sharing != config::Sharing::session && instance.state() == InstanceState::ready;
  if (!kept) instance.retire("its session ended");
}

void Pool::changed(Instance& instance) {
  if (instance.state() == InstanceState::retiring && instance.tree())
    give_up(instance.tree(), instance.reason());
  const bool early =
      kSwitchedOff == Mechanism::proof_before_the_next && instance.state() == InstanceState::retiring;
  const auto found = servers_.find(instance.server().name);
  if ((instance.state() == InstanceState::gone || early) && found != servers_.end()) {
    auto& instances = found->second->instances;
    const auto it = instances.find(instance.key());
    if (it != instances.end() && it->second.get() == &instance) {
      // The caller is a member function of the instance: it dies after it has returned.
      asio::post(loop_, [keep = std::move(it->second)] {});
      instances.erase(it);
    }
    if (found->second->removed && instances.empty()) servers_.erase(found);
  }
  if (instance.state() == InstanceState::ready && found != servers_.end())
    found->second->last_failure.clear();
  pulse();
}

void Pool::pulse() {
  changed_.set();
  changed_.clear();
}

void Pool::give_up(const std::shared_ptr<custody::Tree>& tree, const std::string& reason) {
  if (tree->state() == custody::TreeState::gone) return;
  if (kSwitchedOff == Mechanism::orphan_at_last_lease) return;
  tree->orphan(reason);
  if (options_.reap_at_once) tasks_.spawn("reap", reap(tree, reason));
}

asio::awaitable<void> Pool::reap(std::shared_ptr<custody::Tree> tree, std::string reason) {
  (void)co_await custodian_.stop(std::move(tree), std::move(reason));
  pulse();  // gone, which its instance told too; or it would not die
}

asio::awaitable<bool> Pool::drained(steady_clock::time_point deadline) {
  const auto busy = [this] {
    return acquiring_ > 0 || std::ranges::any_of(servers_, [](const auto& entry) {
             return std::ranges::any_of(entry.second->instances,
                                        [](const auto& i) { return i.second->calls_in_flight() > 0; });
           });
  };
  while (busy()) {
    (void)co_await changed_.wait_until(deadline);
    if (steady_clock::now() >= deadline) co_return !busy();
    if (co_await is_cancelled()) co_return false;
  }
  co_return true;
}

std::vector<ServerView> Pool::servers() const {
  std::vector<ServerView> views;
  for (const auto& [name, kept] : servers_) {
    const Server& server = *kept;
    const config::Server& config = *server.config;
    const auto answer = server.budget.ask(steady_clock::now());
    ServerView view{.name = name,
                    .state = "ready",
                    .sharing = std::string(to_string(config.sharing)),
                    .command = config.url.empty() ? config.command : config.url,
                    .reason = config.unusable.empty() ? server.last_failure : config.unusable,
                    .instances = static_cast<int>(server.instances.size()),
                    .idle = static_cast<int>(std::ranges::count_if(
                        server.instances, [](const auto& i) { return i.second->is_idle(); })),
                    .starts = server.starts,
                    .failures = server.budget.failures(steady_clock::now()),
                    .entry = server.identity,
                    .retry_at = {},
                    .limits = limit_ways(config, custodian_.rung().limits)};
    const bool stuck = std::ranges::any_of(server.instances, [](const auto& i) {
      return i.second->tree() && i.second->tree()->state() == custody::TreeState::unkillable;
    });
    if (server.removed) {
      view.state = "removed";
      view.reason = "no longer in the configuration; gone with its last instance";
    } else if (!config.unusable.empty()) {
      view.state = "unusable";
    } else if (!config.enabled) {
      view.state = "disabled";
    } else if (stuck || answer.verdict == RestartBudget::Verdict::parked) {
      view.state = "parked";
    } else if (answer.verdict == RestartBudget::Verdict::backoff) {
      view.state = "backoff";
    }
    if (answer.verdict != RestartBudget::Verdict::go) view.retry_at = wall_clock(answer.until);
    views.push_back(std::move(view));
  }
  return views;
}

InstanceView view_of(const custody::Tree& tree) {
  InstanceView view;
  view.id = tree.id();
  view.server = tree.name();
  view.state = tree.state();
  view.pid = tree.leader_pid();
  view.keeper_pid = tree.keeper_pid();
  view.processes = tree.members();
  view.rung = tree.rung();
  view.started_at = tree.started_at();
  view.reason = tree.reason();
  return view;
}

namespace {

custody::TreeState state_of_remote(InstanceState state) {
  switch (state) {
    case InstanceState::starting:
      return custody::TreeState::starting;
    case InstanceState::ready:
      return custody::TreeState::active;
    case InstanceState::retiring:
      return custody::TreeState::stopping;
    case InstanceState::gone:
      break;
  }
  return custody::TreeState::gone;
}

}  // namespace

InstanceView view_of(const Instance& instance) {
  InstanceView view;
  if (instance.tree()) view = view_of(*instance.tree());
  if (instance.is_remote()) {
    view.id = instance.remote_id();
    view.state = state_of_remote(instance.state());
    view.started_at = instance.started_at();
  }
  view.server = instance.server().name;
  view.key = instance.key();
  view.resolution = instance.resolution();
  view.idle = instance.is_idle();
  view.draining = instance.is_draining() && !instance.is_ending();
  for (const auto& [id, holder] : instance.holders()) view.leases.push_back(holder);
  view.calls_in_flight = instance.calls_in_flight();
  view.idle_since = instance.idle_since();
  view.stop_at = instance.stop_at();
  if (!instance.reason().empty()) view.reason = instance.reason();
  return view;
}

std::vector<InstanceView> Pool::instances() const {
  std::vector<InstanceView> views;
  for (const auto& [name, server] : servers_)
    for (const auto& [key, instance] : server->instances) views.push_back(view_of(*instance));
  return views;
}

}  // namespace holdfast::gateway
