// One gateway over a fake custodian, driven by a schedule of operations, and beside it the reference model: a
// table of who holds what, kept by what the test did and what it saw from outside. After every step the two
// are compared.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/test_support.h"
#include "fake_custody.h"
#include "gateway/gateway.h"

namespace holdfast::test {

using namespace std::chrono_literals;

// The policy of both servers.
constexpr milliseconds kConnect = 20s, kCall = 100s, kIdle = 60s;
constexpr milliseconds kLastWords = 200ms;  // how long a server that broke off has to say why

struct Op {
  enum Kind {
    open,        // a session
    connect,     // a lease, no call
    call,        //
    cancel,      // one connect or call
    die,         // a session, its calls cancelled with it, or not
    birth,       // a start succeeds
    stillbirth,  // it fails
    greet,       // the handshake is answered
    rude,        // it is answered with an error
    answer,      // a call is
    crash,       // the server ends by itself
    mute,        // it closes its output
    prove,       // a tree that is being stopped is gone
    give_up,     // it does not die
    sweep,
    pass,  // time
    close,
    kinds
  };
  Kind kind = open;
  unsigned which = 0, what = 0;  // taken modulo what there is to choose from
  int turns = -1;                // how many handlers run before the next; -1: until all is quiet
};
std::string to_string(const Op& op);

class World {
 public:
  explicit World(const std::filesystem::path& logs);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The first thing that was wrong; empty: nothing so far.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  void step(const Op& op);
  // All sessions end, all stops are proven, time passes: then nothing may be left.
  void end();

 private:
  using Name = std::pair<std::string, std::string>;  // server and key
  struct Consumer {
    std::unique_ptr<gateway::Session> session;
    std::string id;
  };
  struct Call {
    int number = 0;
    std::string params, server;
    std::size_t consumer = 0;
    bool connects = false, finished = false, good = false, seen = false, cancelled = false;
    SteadyTime quiet_since = SteadyTime::max();  // the first quiet moment that it was waiting in
    const FakeTree* on = nullptr;                // the server that has it
    std::unique_ptr<TaskGroup> task;
  };
  struct Row {  // what the model knows of one tree
    std::shared_ptr<FakeTree> tree;
    std::optional<std::string> key;
    std::string hello;  // the id of its handshake, once asked
    bool seen = false, broken = false, let_go = false;
    bool greeted = false, ready = false;            // its handshake was answered; and the gateway has read it
    SteadyTime broken_at = SteadyTime::max();       // the first quiet moment after that
    SteadyTime silent_since, silent_since_at_most;  // its last activity: not before, and not after
    std::vector<std::pair<std::string, int>> wire;  // id and number of what it has to answer
    std::set<std::size_t> holders, perhaps;         // by lease; perhaps: cancelled at the moment it was given
  };

  // What the test does.
  void act(const Op& op);
  void act_on_session(const Op& op);
  void act_on_server(const Op& op);
  void ask(const Op& op);
  static asio::awaitable<void> run(Call& call, gateway::Session& session);
  void die(std::size_t slot, bool quietly);

  // What it sees.
  void settle_all();
  bool observe();
  void hear(Row& row, std::string_view line);
  void note_end(Call& call);
  void learn_keys();

  // What it demands.
  void require(bool holds, const std::string& what);
  void check_always();
  void check_quiet();
  void check_view(const Row& row, const gateway::InstanceView& view);
  void check_row(const Row& row);
  void check_waiter(Call& call);
  void note_what_may_go();
  [[nodiscard]] bool may_go(const Row& row) const;
  [[nodiscard]] bool is_waiting(const Call& call) const { return !call.finished && call.on == nullptr; }
  [[nodiscard]] bool waits_for(const Call& call, const Row& row) const;
  [[nodiscard]] bool is_wanted(const Row& row) const;
  [[nodiscard]] int calls_on(const Row& row) const;
  [[nodiscard]] std::string key_of(const Call& call) const;
  [[nodiscard]] bool alive(std::size_t consumer) const { return consumers_[consumer].session != nullptr; }
  Row* live_row(const std::string& server, const std::string& key);
  template <class F>
  std::vector<Row*> rows(F&& which) {
    std::vector<Row*> found;
    for (Row& row : rows_)
      if (which(row)) found.push_back(&row);
    return found;
  }

  asio::io_context loop_;
  config::Config config_;
  FakeCustodian custodian_;
  std::unique_ptr<gateway::Gateway> gateway_;
  TaskGroup sweeps_;
  std::vector<Consumer> consumers_;
  std::vector<std::optional<std::size_t>> slots_;
  std::list<Call> calls_;
  std::list<Row> rows_;
  std::map<std::string, int> failures_;  // by server
  std::set<Name> doomed_;                // starts that were given up before there was a tree
  SteadyTime observed_;                  // when it last looked
  bool closed_ = false;
  std::string fault_;
};

}  // namespace holdfast::test
