// What an operator asks of the pool, and what a machine short of memory does: ending instances that nobody
// uses.
#include <algorithm>

#include "base/log.h"
#include "base/mutant.h"
#include "gateway/pool.h"

namespace holdfast::gateway {

using std::chrono::steady_clock;

namespace {

constexpr milliseconds kKill{10'000};  // for SIGKILL and the proof, after the graces

}  // namespace

asio::awaitable<Result<StopReport>> Pool::stop_server(std::string name, StopRequest request) {
  if (!has_server(name)) co_return fail(Errc::not_found, "server", name);
  const ServerPtr server = servers_.find(name)->second;
  if (request.forgive) {
    server->budget.forgive();
    server->last_failure.clear();
  }
  std::vector<std::shared_ptr<Instance>> asked;
  milliseconds ladder = kKill;
  for (const auto& [key, instance] : server->instances) {
    asked.push_back(instance);
    ladder = std::max(ladder, kKill + instance->server().stop.eof + instance->server().stop.term);
  }
  log::info(
      "server.stopping",
      {{"server", name}, {"instances", asked.size()}, {"reason", request.reason}, {"force", request.force}});
  for (const auto& instance : asked) {
    if (request.force)
      instance->retire(request.reason);
    else
      instance->drain(request.reason, Instance::Spares::calls_and_runs);
  }
  pulse();  // who waits for a backoff looks again

  const auto ending = [](const auto& i) { return i->is_ending(); };
  const auto settled = [](const auto& i) {
    return i->state() == InstanceState::gone || !i->is_ending() ||
           (i->tree() && i->tree()->state() == custody::TreeState::unkillable);
  };
  const auto patience = steady_clock::now() + drain_;
  while (!std::ranges::all_of(asked, ending) && co_await changed_.wait_until(patience)) {
  }
  const auto last = steady_clock::now() + ladder;
  while (!std::ranges::all_of(asked, settled) && co_await changed_.wait_until(last)) {
  }
  StopReport report;
  for (const auto& instance : asked) {
    if (instance->state() == InstanceState::gone)
      ++report.stopped;
    else
      report.left.push_back(view_of(*instance));
  }
  co_return report;
}

void Pool::reload(const config::Config& config) {
  drain_ = config.drain;
  for (const auto& [name, server] : servers_) {
    const auto entry = config.servers.find(name);
    if (entry == config.servers.end()) {
      server->removed = true;
      drain(*server, "removed from the configuration");
    } else if (server->removed || *server->config != entry->second ||
               kSwitchedOff == Mechanism::reload_spares_the_unchanged) {
      server->replace(entry->second);
      drain(*server, "its configuration changed");
    }
  }
  std::erase_if(servers_,
                [](const auto& entry) { return entry.second->removed && entry.second->instances.empty(); });
  for (const auto& [name, entry] : config.servers)
    if (!servers_.contains(name)) servers_.emplace(name, std::make_shared<Server>(entry));
  pulse();
}

// A session's own copy is its state, once it has one: it stays until the session lets go, and so does one
// that nobody replaces.
void Pool::drain(const Server& server, const std::string& reason) {
  const auto instances = server.instances;  // draining may end one
  for (const auto& [key, instance] : instances) {
    const bool has_state = instance->server().sharing == config::Sharing::session &&
                           instance->state() != InstanceState::starting;
    instance->drain(
        reason, server.removed || has_state ? Instance::Spares::everybody : Instance::Spares::calls_and_runs);
  }
}

bool Pool::evict_idle(const std::string& reason) {
  std::shared_ptr<Instance> longest;
  for (const auto& [name, server] : servers_)
    if (const auto idle = longest_idle(*server);
        idle && (!longest || idle->idle_since() < longest->idle_since()))
      longest = idle;
  if (!longest) return false;
  log::info("instance.evicted",
            {{"server", longest->server().name}, {"key", longest->key()}, {"reason", reason}});
  longest->retire(reason);
  return true;
}

}  // namespace holdfast::gateway
