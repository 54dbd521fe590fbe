// soak LIFETIMES: one gateway, and so many lives of servers of every sort below it, each ended in some way by
// chance, with faults in between. After each round, when everybody has let go, one reading from outside; a
// line of JSON each on stdout. Exit 1: something grew, somebody was left, or the client who stayed was hurt.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "census.h"
#include "os/pidfd.h"
#include "os/process.h"
#include "os/procfs.h"
#include "outer.h"
#include "program.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr int kRound = 200, kClients = 8;
constexpr const char* kAdversaries[] = {"polite",  "deaf",   "daemonize",   "detached",    "leaderless",
                                        "regroup", "cloner", "pipe_holder", "late_forker", "renamed"};

std::string configuration() {
  std::string yaml =
      "listen: []\ndrain: 1s\nmcpServers:\n  steady: { command: " HOLDFAST_FIXTURE_SERVER " }\n";
  for (const char* name : kAdversaries)
    yaml += "  " + std::string(name) + ":\n    command: " + adversary_path(name) +
            "\n    maxInstances: 64\n    stop: { eof: 50ms, term: 50ms, lost: 50ms }\n"
            "    restart: { budget: 1000, per: 1s, backoff: 0s..1ms }\n";
  return yaml + "jobs:\n  job: { schedule: every 365d, steps: [{ tool: deaf__here }] }\n";
}

std::size_t entries(const std::filesystem::path& directory) {
  std::error_code gone;
  std::size_t count = 0;
  for (auto it = std::filesystem::directory_iterator(directory, gone);
       !gone && it != std::filesystem::directory_iterator(); it.increment(gone))
    ++count;
  return count;
}

struct Reading {
  long descriptors = 0, pss_kb = 0, processes = 0, zombies = 0, ledger = 0, leaves = 0;
};

class Soak {
 public:
  explicit Soak(int lifetimes) : lifetimes_(lifetimes), gateway_(configuration()) {
    steady_ = connect(gateway_, "steady");
    (void)os::for_each_child(gateway_.program().pid(), [&](pid_t only) { steady_keeper_ = only; });
    // "leaves below PATH": the gateway's own word, by which we find them, not by which we count.
    const std::string log = gateway_.log(), before = "leaves below ";
    if (const auto at = log.find(before); at != std::string::npos)
      leaves_ = log.substr(at + before.size(), log.find('"', at) - at - before.size());
  }
  int run();

 private:
  void round(int number);
  void live(unsigned seed, int lives);
  void one_life(std::minstd_rand& chance);
  void fault(std::minstd_rand& chance);
  void kill_one(std::minstd_rand& chance, bool keeper, int signal);
  Reading read();
  void require(bool held, const std::string& what) {
    if (!held) problems_.push_back(what);
  }

  int lifetimes_;
  GatewayProcess gateway_;
  std::unique_ptr<Program> steady_;
  pid_t steady_keeper_ = 0;
  std::filesystem::path leaves_;
  std::atomic<int> lived_ = 0, faults_ = 0;
  std::atomic<int> asked_ = 0, greeted_ = 0;  // for a handshake, and with one
  int steady_calls_ = 0;
  std::vector<Reading> readings_;
  std::vector<std::string> problems_;
};

// Keepers, or their servers, by chance; the tree of the client that stays is spared.
void Soak::kill_one(std::minstd_rand& chance, bool keeper, int signal) {
  std::vector<pid_t> prey;
  (void)os::for_each_child(gateway_.program().pid(), [&](pid_t child) {
    if (child == steady_keeper_) return;
    if (keeper)
      prey.push_back(child);
    else
      (void)os::for_each_child(child, [&](pid_t server) { prey.push_back(server); });
  });
  if (prey.empty()) return;
  const pid_t victim = prey[chance() % prey.size()];
  const auto handle = os::PidFd::open(victim);
  if (handle && os::is_descendant(victim, gateway_.program().pid())) (void)handle->signal(signal);
}

void Soak::fault(std::minstd_rand& chance) {
  ++faults_;
  const std::string server = kAdversaries[chance() % std::size(kAdversaries)];
  switch (chance() % 8) {
    case 0:
      return kill_one(chance, true, SIGKILL);
    case 1:
      return kill_one(chance, true, SIGSTOP);
    case 2:
      return kill_one(chance, false, SIGKILL);
    case 3:
      return kill_one(chance, false, SIGSTOP);
    case 4:
      return (void)gateway_.cli({"stop", server, "--force"});
    case 5:
      return (void)gateway_.cli({"sweep"});
    case 6:
      return gateway_.program().signal(SIGHUP);
    default:
      return (void)gateway_.cli({"job", "run", "job"});
  }
}

// A client on a server of its own: it ends before the handshake, in it, in a call, or after one.
void Soak::one_life(std::minstd_rand& chance) {
  const std::string server = kAdversaries[chance() % std::size(kAdversaries)];
  const auto client = begin_connect(gateway_, server);
  const auto how = chance() % 10;
  if (how == 0) return;  // SIGKILL, whatever it was at
  const auto hello = client->read_line(10s);
  ++asked_;
  if (hello && hello->find("\"serverInfo\"") != std::string::npos) ++greeted_;
  client->write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
  client->write(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" +
                std::string(how < 3 ? "hang" : "here") + "\",\"arguments\":{}}}\n");
  if (how >= 3) (void)client->read_line(10s);
  if (how < 5) return;
  client->close_stdin();
  (void)client->wait(10s);
}

void Soak::live(unsigned seed, int lives) {
  std::minstd_rand chance(seed);
  for (int i = 0; i < lives; ++i) {
    one_life(chance);
    ++lived_;
    if (chance() % 10 == 0) fault(chance);
  }
}

Reading Soak::read() {
  Reading reading;
  const pid_t pid = gateway_.program().pid();
  const std::string proc = "/proc/" + std::to_string(pid);
  // The least within a second: a tree's last process may be gone a moment before its books are closed.
  reading.descriptors = static_cast<long>(entries(proc + "/fd"));
  (void)until(
      [&] {
        reading.descriptors = std::min(reading.descriptors, static_cast<long>(entries(proc + "/fd")));
        return false;
      },
      1s);
  reading.pss_kb = static_cast<long>(os::pss_bytes(pid).value_or(0) / 1024);
  reading.processes = static_cast<long>(living_descendants().size());
  (void)os::for_each_child(pid, [&](pid_t child) {
    const auto stat = os::read_stat(child);
    if (stat && stat->state == 'Z') ++reading.zombies;
  });
  reading.ledger = static_cast<long>(entries(gateway_.dir() / "state/ledger"));
  reading.leaves = leaves_.empty() ? 0
                                   : std::count_if(std::filesystem::directory_iterator(leaves_),
                                                   std::filesystem::directory_iterator(),
                                                   [](const auto& entry) { return entry.is_directory(); });
  return reading;
}

void Soak::round(int number) {
  {
    std::vector<std::jthread> clients;
    clients.reserve(kClients);
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back(
          [this, seed = static_cast<unsigned>(number * kClients + i + 1)] { live(seed, kRound / kClients); });
  }
  // The gateway, the client that stays, its keeper and its server.
  const bool quiet = until([] { return living_descendants().size() == 4; }, patience(60s));
  require(quiet, "round " + std::to_string(number) + " left\n" + to_string(living_descendants()));
  ++steady_calls_;
  const std::string answer = call(*steady_, "counter");
  require(answer.find("\"" + std::to_string(steady_calls_) + "\"") != std::string::npos,
          "the client that stays was hurt: " + answer);
  readings_.push_back(read());
  const Reading& r = readings_.back();
  std::printf(
      R"({"lifetimes":%d,"faults":%d,"descriptors":%ld,"pss_kb":%ld,"processes":%ld,"zombies":%ld,"ledger":%ld,"leaves":%ld})"
      "\n",
      lived_.load(), faults_.load(), r.descriptors, r.pss_kb, r.processes, r.zombies, r.ledger, r.leaves);
  std::fflush(stdout);
}

int Soak::run() {
  for (int number = 0; lived_ < lifetimes_ && problems_.empty(); ++number) round(number);
  const Reading& last = readings_.back();
  if (readings_.size() >= 10) {  // by less than that nothing can be said of growth
    const auto middle = readings_.begin() + static_cast<std::ptrdiff_t>(readings_.size() / 2);
    const auto most = [](auto from, auto to, long Reading::* figure) {
      return std::ranges::max_element(from, to, {}, figure);
    };
    const auto fds = most(readings_.begin(), middle, &Reading::descriptors)->descriptors;
    const auto pss = most(readings_.begin(), middle, &Reading::pss_kb)->pss_kb;
    require(most(middle, readings_.end(), &Reading::descriptors)->descriptors <= fds,
            "descriptors grew beyond " + std::to_string(fds));
    require(last.pss_kb <= pss + pss / 4, "memory grew to " + std::to_string(last.pss_kb) + " kB");
  }
  require(last.zombies == 0, "zombies: " + std::to_string(last.zombies));
  // The tree of the client that stays, and nothing else.
  require(last.ledger == 1, "ledger entries: " + std::to_string(last.ledger));
  require(last.leaves == (leaves_.empty() ? 0 : 1), "leaves: " + std::to_string(last.leaves));
  require(leaves_.empty() == (gateway_.log().find("rung=leaf") == std::string::npos),
          "where the leaves are is not known");
  // Faults hit some of them in it; without servers to speak of nothing was shown.
  require(greeted_ * 10 >= asked_ * 8,
          "of " + std::to_string(asked_) + " clients only " + std::to_string(greeted_) + " met a server");
  require(gateway_.log().find("unknown key") == std::string::npos, "the configuration has unknown keys");
  steady_.reset();
  gateway_.program().signal(SIGTERM);
  const auto end = gateway_.program().wait(20s);
  require(end && end->code == 0, "the gateway did not end well");
  require(nobody_left_within(5s), "survivors\n" + to_string(living_descendants()));
  for (const std::string& problem : problems_) std::fprintf(stderr, "!! %s\n", problem.c_str());
  if (!problems_.empty())
    std::fprintf(stderr, "%s", gateway_.log().substr(gateway_.log().size() / 2).c_str());
  return problems_.empty() ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::test

int main(int argc, char** argv) {
  int lifetimes = 10'000;
  if (argc > 2) return 2;
  if (argc == 2) {
    const std::string_view text = argv[1];
    const auto read = std::from_chars(text.data(), text.data() + text.size(), lifetimes);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || lifetimes < 1) {
      std::fputs("usage: soak [LIFETIMES]\n", stderr);
      return 2;
    }
  }
  holdfast::test::own_all_descendants();
  try {
    return holdfast::test::Soak(lifetimes).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    holdfast::test::clean_up();
    return 1;
  }
}
