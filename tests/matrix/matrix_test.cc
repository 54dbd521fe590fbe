// The matrix: every adversary as a server of the real gateway, on every rung, against every event that ends a
// tree or must not end it. What is left is counted from /proc by a test process that everybody descends from.
// `make matrix` plays all cells and writes docs/guarantees.md from them; `make test` plays each adversary
// against each event on one rung.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "adversaries/names.h"
#include "census.h"
#include "custody/types.h"
#include "needs.h"
#include "os/pidfd.h"
#include "os/process.h"
#include "os/procfs.h"
#include "outer.h"
#include "program.h"

namespace holdfast::test {
namespace {

using custody::Rung;
using namespace std::chrono_literals;

enum class Event {
  clean_close,     // the client ends its input
  client_killed,   // and nobody tells the gateway
  cancel,          // of a job, in the middle of a call
  sibling_closes,  // another client of the same server ends: this one's tree must not notice
  gateway_term,    // the drain, and the shutdown
  gateway_killed,  // the keepers are alone
  keeper_killed,   // the gateway is alone
  one_stroke,      // gateway and keepers; then the next start
};
constexpr const char* kEvents[] = {"clean_close",  "client_killed",  "cancel",        "sibling_closes",
                                   "gateway_term", "gateway_killed", "keeper_killed", "one_stroke"};
constexpr Rung kRungs[] = {Rung::leaf, Rung::tree, Rung::pidns};

std::string name_of(Event event) { return kEvents[static_cast<std::size_t>(event)]; }
void PrintTo(Event event, std::ostream* out) { *out << name_of(event); }

using Cell = std::tuple<std::string, Rung, Event>;

std::string name_of_cell(const testing::TestParamInfo<Cell>& info) {
  const auto& [adversary, rung, event] = info.param;
  return adversary + "_" + std::string(to_string(rung)) + "_" + name_of(event);
}

std::vector<Cell> cells() {
  const bool whole = std::getenv("HOLDFAST_MATRIX") != nullptr;
  std::vector<Cell> chosen;
  for (std::size_t a = 0; a < std::size(kAdversaries); ++a)
    for (std::size_t e = 0; e < std::size(kEvents); ++e)
      for (std::size_t r = 0; r < std::size(kRungs); ++r)
        if (whole || (a + e) % std::size(kRungs) == r)
          chosen.emplace_back(kAdversaries[a], kRungs[r], static_cast<Event>(e));
  return chosen;
}

// The only cells in which anybody may be left, and why.
struct Limit {
  int left = 0;
  const char* why = "";
};
Limit limit_of(const Cell& cell) {
  const auto& [adversary, rung, event] = cell;
  if (event == Event::one_stroke && rung == Rung::tree && adversary == "daemonize")
    return {1, "nobody but its keeper knew it: detached, its environment wiped"};
  if (event == Event::one_stroke && rung == Rung::tree && adversary == "renamed")
    return {
        1,
        "its environment is wiped and not to be read; it is reported, since only its session speaks for it"};
  return {};
}

// They hold their own leader still before its handshake.
bool never_answers(const std::string& adversary) { return adversary == "stopper" || adversary == "freezer"; }

class Matrix : public testing::TestWithParam<Cell> {
 protected:
  void SetUp() override { own_all_descendants(); }
  void TearDown() override {
    client_.reset(), other_.reset(), beside_.reset(), gateway_.reset();
    clean_up();
  }

  void start();
  [[nodiscard]] std::unique_ptr<Program> open_client();
  void happens(Event event);
  void cancel_a_job_in_its_call();
  void kill_keepers();
  void spare_the_first();
  [[nodiscard]] std::vector<Living> left() const;
  [[nodiscard]] std::size_t left_within(milliseconds limit) const;
  void expect_an_answer(Program& client);
  void expect_the_neighbour_unharmed();

  std::string adversary_ = std::get<0>(GetParam());
  Rung rung_ = std::get<1>(GetParam());
  std::string marker_ =
      testing::TempDir() + "holdfast-matrix-" + std::to_string(::getpid());  // the deed is done
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<Program> beside_, client_, other_;  // beside_: of a server that nothing happens to
  std::set<pid_t> known_;                             // those who do not count as left
  std::set<pid_t> unharmed_;                          // those who have to live on
  pid_t spared_ = 0;  // the keeper of a tree of the adversary's that has to live on, with all below it
};

void Matrix::start() {
  const std::string stop = "\n    stop: { eof: 100ms, term: 100ms, lost: 100ms }\n";
  const std::string isolation = rung_ == Rung::pidns ? "    isolation: pidns\n" : "";
  gateway_ = std::make_unique<GatewayProcess>(
      "listen: []\ndrain: 1s\nmcpServers:\n  beside:\n    command: " HOLDFAST_FIXTURE_SERVER "\n  evil:\n" +
          ("    command: " + adversary_path(adversary_) + "\n    args: [" + marker_ + "]" + stop +
           isolation) +
          "jobs:\n  job: { schedule: every 365d, steps: [{ tool: evil__hang }] }\n",
      within(rung_));
  ASSERT_TRUE(rung_ != Rung::tree || gateway_->offers(rung_)) << gateway_->log();
  HOLDFAST_NEEDS(std::string(to_string(rung_)), gateway_->offers(rung_), "this machine does not offer it");
  beside_ = connect(*gateway_, "beside");
  for (const auto& living : living_descendants()) known_.insert(living.pid);
  unharmed_ = known_;
}

// With its server's deed done, and its handshake, if there is to be one.
std::unique_ptr<Program> Matrix::open_client() {
  ::unlink(marker_.c_str());
  auto client = never_answers(adversary_) ? begin_connect(*gateway_, "evil") : connect(*gateway_, "evil");
  EXPECT_TRUE(until([&] { return ::access(marker_.c_str(), F_OK) == 0; }, 20s)) << "never got ready";
  ::unlink(marker_.c_str());
  known_.insert(client->pid());
  return client;
}

std::vector<Living> Matrix::left() const {
  auto living = living_descendants();
  std::erase_if(living, [&](const Living& l) {
    return known_.contains(l.pid) || l.pid == spared_ || (spared_ != 0 && os::is_descendant(l.pid, spared_));
  });
  return living;
}

// One look is no proof: a process that forks and exits all the time may slip through a walk over /proc.
std::size_t Matrix::left_within(milliseconds limit) const {
  constexpr int kLooks = 10;
  int empty_looks = 0;
  std::size_t found = 0;
  const auto look = [&] {
    while (os::wait_child(-1).value_or(os::Waited{}).pid > 0) {
    }
    found = left().size();
    empty_looks = found == 0 ? empty_looks + 1 : 0;
    return empty_looks == kLooks;
  };
  return until(look, limit) ? 0 : std::max<std::size_t>(found, 1);
}

void Matrix::kill_keepers() {
  int killed = 0;
  for (const auto& living : left())
    if (const auto handle = os::PidFd::open(living.pid); handle && living.keeper && handle->signal(SIGKILL))
      ++killed;
  EXPECT_EQ(killed, 1);
}

void Matrix::cancel_a_job_in_its_call() {
  ASSERT_EQ(gateway_->cli({"job", "run", "job", "--no-wait"}).exit.code, 0);
  const auto in_its_call = [&] {
    const auto ps = nlohmann::json::parse(gateway_->cli({"ps", "--json"}).out, nullptr, false);
    if (!ps.is_object() || !ps.contains("instances")) return false;
    return std::ranges::any_of(ps["instances"], [&](const auto& instance) {
      return instance["server"] == "evil" &&
             (never_answers(adversary_) || instance["calls_in_flight"].template get<int>() > 0);
    });
  };
  ASSERT_TRUE(until(in_its_call, 20s)) << gateway_->cli({"ps", "--json"}).out << gateway_->log();
  EXPECT_EQ(gateway_->cli({"job", "cancel", "job"}).exit.code, 0);
}

void Matrix::expect_an_answer(Program& client) {
  const auto answer = call(client, "here");
  EXPECT_NE(answer.find("\"text\":\"here\""), std::string::npos) << answer;
}

void Matrix::expect_the_neighbour_unharmed() {
  EXPECT_NE(call(*beside_, "counter").find("\"result\""), std::string::npos);
  for (const pid_t pid : unharmed_) {
    const auto handle = os::PidFd::open(pid);
    EXPECT_TRUE(handle && !handle->exited()) << "killed: " << pid;
  }
}

// Its keeper, and its whole tree where that stands still.
void Matrix::spare_the_first() {
  const bool comes_and_goes = adversary_ == "bomb" || adversary_ == "chain" || adversary_ == "reparent";
  for (const auto& living : left()) {
    if (living.keeper) spared_ = living.pid;
    if (living.keeper || !comes_and_goes) unharmed_.insert(living.pid);
  }
  ASSERT_NE(spared_, 0);
}

void Matrix::happens(Event event) {
  switch (event) {
    case Event::clean_close:
      return client_->close_stdin();
    case Event::client_killed:
      return client_->signal(SIGKILL);
    case Event::cancel:
      return cancel_a_job_in_its_call();
    case Event::sibling_closes:
      spare_the_first();
      other_ = open_client();
      return other_->close_stdin();
    case Event::gateway_term:
    case Event::gateway_killed:
      known_.clear();
      return gateway_->program().signal(event == Event::gateway_term ? SIGTERM : SIGKILL);
    case Event::keeper_killed:
      kill_keepers();
      return client_->close_stdin();
    case Event::one_stroke:
      gateway_->program().signal(SIGSTOP);  // so that it cannot take over before it dies itself
      kill_keepers();                       // the other one's ends its own tree
      known_.clear();
      return gateway_->program().signal(SIGKILL);
  }
}

TEST_P(Matrix, leaves_nobody_and_harms_nobody) {
  const Event event = std::get<2>(GetParam());
  ASSERT_NO_FATAL_FAILURE(start());
  if (IsSkipped()) return;
  if (event != Event::cancel) client_ = open_client();
  ASSERT_NO_FATAL_FAILURE(happens(event));
  if (event == Event::one_stroke) {
    EXPECT_TRUE(gateway_->program().wait(10s));
    beside_.reset(), client_.reset();
    if (rung_ != Rung::pidns) {
      gateway_->start();
      known_.insert(gateway_->program().pid());
    }
  }
  const bool over = event == Event::gateway_term || event == Event::gateway_killed;
  if (over) {
    const auto end = gateway_->program().wait(20s);
    ASSERT_TRUE(end) << gateway_->log();
    EXPECT_EQ(end->signal, event == Event::gateway_term ? 0 : SIGKILL);
    if (event == Event::gateway_term) EXPECT_EQ(end->code, 0) << gateway_->log();
    beside_.reset(), client_.reset();
  }
  const auto limit = limit_of(GetParam());
  const auto count = left_within(limit.left > 0 ? 2s : patience(20s));
  RecordProperty("left", static_cast<int>(count));
  RecordProperty("why", limit.why);
  EXPECT_LE(count, static_cast<std::size_t>(limit.left)) << to_string(left()) << gateway_->log();
  for (const auto& living : left()) EXPECT_FALSE(living.keeper) << living.pid;
  if (over || event == Event::one_stroke) return;
  expect_the_neighbour_unharmed();
  if (event == Event::sibling_closes && !never_answers(adversary_)) expect_an_answer(*client_);
}

INSTANTIATE_TEST_SUITE_P(Cell, Matrix, testing::ValuesIn(cells()), name_of_cell);

}  // namespace
}  // namespace holdfast::test
