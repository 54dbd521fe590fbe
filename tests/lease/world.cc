#include "world.h"

#include <algorithm>
#include <array>

#include "fuzz/fuzz.h"
#include "virtual_time.h"

namespace holdfast::test {
namespace {

using custody::TreeState;
using std::chrono::steady_clock;

constexpr std::size_t kSlots = 3;
constexpr std::array<std::string_view, 2> kServers{"one", "own"};  // shared by all; one copy per session
constexpr std::array kTimes{100ms, 1000ms, 5000ms, 21000ms, 61000ms};

config::Server server(std::string_view name) {
  config::Server server;
  server.name = name;
  server.command = "/fake";
  server.sharing = name == "one" ? config::Sharing::shared : config::Sharing::session;
  server.idle_timeout = kIdle;
  server.max_instances = 2;
  server.connect_timeout = kConnect;
  server.call_timeout = kCall;
  server.restart = {.budget = 3, .per = 100s, .backoff_min = 1s, .backoff_max = 4s};
  return server;
}

template <class T>
T* chosen(std::vector<T*> from, unsigned which) {
  return from.empty() ? nullptr : from[which % from.size()];
}

// What stands between `before` and the next of `ends`.
std::string between(std::string_view text, std::string_view before, std::string_view ends) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return {};
  const auto rest = text.substr(at + before.size());
  return std::string(rest.substr(0, rest.find_first_of(ends)));
}

}  // namespace

std::string to_string(const Op& op) {
  static constexpr std::array<std::string_view, Op::kinds> kNames{
      "open",   "connect", "call", "cancel", "die",     "birth", "stillbirth", "greet", "rude",
      "answer", "crash",   "mute", "prove",  "give_up", "sweep", "pass",       "close"};
  return "{Op::" + std::string(kNames[op.kind]) + ", " + std::to_string(op.which) + ", " +
         std::to_string(op.what) + ", " + std::to_string(op.turns) + "}";
}

World::World(const std::filesystem::path& logs)
    : custodian_(loop_), sweeps_(loop_.get_executor()), slots_(kSlots), observed_(steady_clock::now()) {
  for (const auto name : kServers) config_.servers.emplace(name, server(name));
  gateway_ = gateway::Gateway::create(loop_, custodian_, config_, {.log_dir = logs});
}

// However far it came: nobody may be left who would look for the gateway.
World::~World() {
  for (std::size_t slot = 0; slot < kSlots; ++slot) die(slot, false);
  for (int round = 0; round < 8; ++round) {
    settle_all();
    for (const auto& tree : custodian_.all) {
      tree->apply(custody::TreeEvent::stop, "the end");
      if (tree->state() != TreeState::gone) tree->prove();
    }
    for (auto* start : std::vector(custodian_.starts.begin(), custodian_.starts.end()))
      custodian_.decide(*start, false);
    pass(21s);
  }
  settle_all();
}

void World::step(const Op& op) {
  if (!fault_.empty()) return;
  note_what_may_go();
  act(op);
  note_what_may_go();
  if (op.turns < 0) {
    settle_all();
    check_always();
    check_quiet();
    return;
  }
  loop_.restart();
  for (int i = 0; i < op.turns; ++i) loop_.poll_one();
  (void)observe();
  check_always();
}

void World::act(const Op& op) {
  switch (op.kind) {
    case Op::open:
    case Op::connect:
    case Op::call:
    case Op::cancel:
    case Op::die:
      return act_on_session(op);
    case Op::sweep:
      return sweeps_.spawn(
          "sweep", [](FakeCustodian& c) -> asio::awaitable<void> { (void)co_await c.sweep(); }(custodian_));
    case Op::pass:
      return pass(kTimes[op.what % kTimes.size()]);
    case Op::close:
      closed_ = true;
      return gateway_->close();
    default:
      return act_on_server(op);
  }
}

void World::act_on_session(const Op& op) {
  auto& slot = slots_[op.which % kSlots];
  if (op.kind == Op::open) {
    if (slot) return;
    auto session = gateway_->open_session(gateway::SessionKind::client, "c");
    require((session == nullptr) == closed_, "a session of a closed gateway");
    if (!session) return;
    slot = consumers_.size();
    const std::string id = session->id();
    consumers_.push_back({.session = std::move(session), .id = id});
  } else if (op.kind == Op::die) {
    die(op.which % kSlots, op.what % 2 == 1);
  } else if (op.kind == Op::cancel) {
    std::vector<Call*> open;
    for (Call& call : calls_)
      if (!call.finished) open.push_back(&call);
    if (Call* call = chosen(open, op.which)) {
      call->cancelled = true;
      call->task->cancel();
    }
  } else if (slot) {
    ask(op);
  }
}

void World::ask(const Op& op) {
  Call& call = calls_.emplace_back();
  call.number = static_cast<int>(calls_.size());
  call.params = R"({"name":"t","arguments":{"n":)" + std::to_string(call.number) + "}}";
  call.server = kServers[op.what % kServers.size()];
  call.consumer = *slots_[op.which % kSlots];
  call.connects = op.kind == Op::connect;
  call.task = std::make_unique<TaskGroup>(loop_.get_executor());
  call.task->spawn("call", run(call, *consumers_[call.consumer].session));
}

asio::awaitable<void> World::run(Call& call, gateway::Session& session) {
  if (call.connects) {
    call.good = (co_await session.connect(call.server)).has_value();
  } else {
    call.good = (co_await session.request(call.server, "tools/call", call.params, {})).has_value();
  }
  call.finished = true;
}

void World::die(std::size_t slot, bool quietly) {
  if (!slots_[slot]) return;
  const std::size_t consumer = *slots_[slot];
  slots_[slot].reset();
  // A session's calls must have begun: whoever spawned them holds the handle until then.
  (void)settle(loop_);
  (void)observe();
  if (!quietly)
    for (Call& call : calls_)
      if (call.consumer == consumer && !call.finished) {
        call.cancelled = true;
        call.task->cancel();
      }
  for (Row& row : rows_) {
    row.holders.erase(consumer);
    row.perhaps.erase(consumer);
  }
  note_what_may_go();
  consumers_[consumer].session.reset();
}

void World::act_on_server(const Op& op) {
  if (op.kind == Op::birth || op.kind == Op::stillbirth) {
    auto* start = chosen(std::vector(custodian_.starts.begin(), custodian_.starts.end()), op.which);
    if (!start || start->decided.is_set()) return;
    if (op.kind == Op::stillbirth) ++failures_[start->name];
    return custodian_.decide(*start, op.kind == Op::birth);
  }
  const bool ends = op.kind == Op::prove || op.kind == Op::give_up;
  Row* row = chosen(rows([&](const Row& each) {
                      const auto state = each.tree->state();
                      if (ends)
                        return state == TreeState::stopping ||
                               (op.kind == Op::prove && state == TreeState::unkillable);
                      if (op.kind == Op::greet || op.kind == Op::rude)
                        return !each.hello.empty() && !each.greeted && !each.broken;
                      if (op.kind == Op::answer) return !each.wire.empty();
                      return state == TreeState::active;
                    }),
                    op.which);
  if (!row) return;
  FakeTree& tree = *row->tree;
  if (op.kind == Op::prove) return tree.prove();
  if (op.kind == Op::give_up) return tree.give_up();
  if (op.kind == Op::answer) {
    const auto at = row->wire.begin() + static_cast<std::ptrdiff_t>(op.what % row->wire.size());
    tree.say(R"({"jsonrpc":"2.0","id":)" + at->first + R"(,"result":{}})" + "\n");
    row->wire.erase(at);
    return;
  }
  if (op.kind == Op::greet) {
    row->greeted = true;
    row->silent_since = row->silent_since_at_most = steady_clock::now();
    return tree.say(
        R"({"jsonrpc":"2.0","id":)" + row->hello +
        R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"f","version":"1"}}})"
        "\n");
  }
  row->broken = row->let_go = true;
  ++failures_[tree.name()];
  if (op.kind == Op::rude)
    return tree.say(R"({"jsonrpc":"2.0","id":)" + row->hello +
                    R"(,"error":{"code":-1,"message":"no"}})"
                    "\n");
  if (op.kind == Op::mute) return tree.close_output();
  tree.crash();
}

void World::settle_all() {
  do {
    (void)settle(loop_);
  } while (observe());
}

// True: there was news that the gateway may go on from.
bool World::observe() {
  bool news = false;
  for (std::size_t i = rows_.size(); i < custodian_.all.size(); ++i) {
    const auto now = steady_clock::now();
    Row& row = rows_.emplace_back();
    row.tree = custodian_.all[i];
    row.silent_since = row.silent_since_at_most = now;
  }
  learn_keys();
  for (Row& row : rows_) {
    if (row.key && !std::exchange(row.seen, true))
      row.let_go = may_go(row) || doomed_.contains({row.tree->name(), row.key.value_or("")});
    if (row.tree->state() == TreeState::gone) continue;
    for (const auto line : fuzz::split(row.tree->hear(), '\n')) {
      if (line.empty()) continue;
      news = true;
      hear(row, line);
    }
  }
  for (Call& call : calls_)
    if (call.finished && !std::exchange(call.seen, true)) note_end(call);
  observed_ = steady_clock::now();
  return news;
}

void World::learn_keys() {
  for (const auto& view : gateway_->instances())
    for (Row& row : rows_)
      if (row.tree->id() == view.id && !row.key) row.key = view.key;
}

void World::hear(Row& row, std::string_view line) {
  const std::string id = between(line, R"("id":)", ",}");
  if (line.contains(R"("initialize")")) {
    row.hello = id;
    return;
  }
  if (line.contains("notifications/cancelled")) {
    const std::string request = between(line, R"("requestId":)", ",}");
    std::erase_if(row.wire, [&](const auto& each) { return each.first == request; });
    return;
  }
  const std::string number = between(line, R"("n":)", "}");
  if (number.empty()) return;
  for (Call& call : calls_) {
    if (std::to_string(call.number) != number) continue;
    require(row.greeted, "a call to a server that is not ready");
    require(key_of(call) == row.key.value_or("?"), "a call to another session's server");
    call.on = row.tree.get();
    call.quiet_since = SteadyTime::max();
    row.wire.emplace_back(id, call.number);
    row.silent_since = std::max(row.silent_since, observed_);
    row.silent_since_at_most = steady_clock::now();
    if (alive(call.consumer)) row.holders.insert(call.consumer);
  }
}

void World::note_end(Call& call) {
  Row* row = nullptr;
  for (Row& each : rows_)
    if (call.on == each.tree.get()) row = &each;
  if (row) {
    row->silent_since = std::max(row->silent_since, observed_);
    row->silent_since_at_most = steady_clock::now();
  } else {
    row = live_row(call.server, key_of(call));
  }
  if (!row || !alive(call.consumer) || row->broken || row->tree->state() != TreeState::active) return;
  if (call.good && call.connects) row->holders.insert(call.consumer);
  if (!call.good && call.cancelled) row->perhaps.insert(call.consumer);
}

void World::end() {
  if (!fault_.empty()) return;
  for (std::size_t slot = 0; slot < kSlots; ++slot) die(slot, slot == 1);
  for (int round = 0; round < 6; ++round) {
    step({.kind = Op::pass, .what = 4});
    for (std::size_t i = custodian_.starts.size(); i > 0; --i) step({.kind = Op::stillbirth});
    for (std::size_t i = rows_.size(); i > 0; --i) step({.kind = Op::prove});
  }
  require(custodian_.starts.empty(), "a start is left");
  require(custodian_.trees().empty(), "a tree is left");
  require(gateway_->instances().empty(), "an instance is left");
  require(std::ranges::all_of(calls_, &Call::finished), "a call is left");
}

}  // namespace holdfast::test
