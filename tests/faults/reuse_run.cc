// Numbers that come back (L38): RUNG SEED TRIES. In a world of its own, each try lets somebody of a tree die,
// puts an innocent process with a child on every number that becomes free, and plays on: a stop, a sweep, the
// gateway's death, or its keepers' with it and the next start. Nobody may lay a hand on an innocent, and
// nobody else may be left.
//   exit 0: so it was, and how often in the last line of stdout; 1: not so, and which try; 77: not possible
//   here
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <sstream>

#include "custody/ledger.h"
#include "innocent.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"
#include "outer.h"
#include "puppet.h"
#include "world.h"

namespace holdfast::faults {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFree{40};    // for a number to become free, where it does
constexpr milliseconds kGone{5000};  // for a tree to end
constexpr int kGood = 0, kWrong = 1, kUsage = 2;

enum class Whose { member, leader, keeper, entry };  // entry: of every number that the ledger has
enum class Event { stop, sweep, gateway_death, double_death };
struct Try {
  Whose whose = Whose::member;
  Event event = Event::stop;
  bool during = false;     // the death comes while the event is under way
  bool same_tick = false;  // the innocent is born in the clock tick in which the dead were
  bool handles = true;     // the ledger has them; else as it was before Linux 6.14
  bool gateway = false;    // its number comes back, too, where it dies
  const char* name = "";   // what the innocents are called
};

Try random_try(std::mt19937& random) {
  const auto below = [&](unsigned most) { return static_cast<unsigned>(random() % most); };
  constexpr std::array kNames{"innocent", "family", "holdfast-keeper"};
  Try made{.whose = static_cast<Whose>(below(4)), .event = static_cast<Event>(below(4))};
  if (made.whose == Whose::entry) made.event = Event::double_death;
  made.during = made.whose == Whose::entry || below(2) == 0;
  made.same_tick = below(2) == 0;
  made.handles = below(3) != 0;
  made.gateway = below(2) == 0;
  made.name = kNames[below(kNames.size())];
  return made;
}

std::string to_string(const Try& what) {
  constexpr std::array kWhose{"member", "leader", "keeper", "entry"};
  constexpr std::array kEvents{"stop", "sweep", "gateway_death", "double_death"};
  std::string text = kWhose[static_cast<std::size_t>(what.whose)];
  text += std::string(" ") + kEvents[static_cast<std::size_t>(what.event)] +
          (what.during ? " during" : " before");
  return text + (what.same_tick ? " same_tick" : "") + (what.handles ? " handles" : "") +
         (what.gateway ? " gateway " : " ") + what.name;
}

pid_t last_number() {
  pid_t last = 0;
  std::ifstream("/proc/sys/kernel/ns_last_pid") >> last;
  return last;
}

struct Counts {
  int innocents = 0, same_tick = 0, by_themselves = 0;  // in the same tick without our writing it so
};

class Game {
 public:
  Game(std::string home, std::string rung) : home_(std::move(home)), rung_(std::move(rung)) {}

  // What went wrong; empty: nothing.
  std::string play(const Try& what, std::mt19937& random) {
    what_ = what;
    wrong_.clear();
    innocents_.clear();
    if (!gateway_) enter_gateway();
    if (wrong_.empty()) start();
    if (wrong_.empty()) choose_victims(random);
    if (!wrong_.empty()) return wrong_;
    if (what_.event == Event::stop || what_.event == Event::sweep)
      end_by_gateway();
    else
      end_by_death();
    for (const auto& innocent : innocents_)
      if (const auto harm = innocent->harm(); !harm.empty()) blame("innocent " + harm);
    counts_.innocents += static_cast<int>(innocents_.size());
    return wrong_;
  }
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void blame(const std::string& text) { wrong_ += (wrong_.empty() ? "" : "; ") + text; }

  std::string enter_gateway() {
    gateway_ = std::make_unique<Puppet>(home_ + "/state", rung_, home_ + "/log");
    auto said = gateway_->tell("open");
    const bool as_asked = said.starts_with(rung_ == "leaf" ? "opened leaf" : "opened tree");
    if (!as_asked) blame("the gateway says: " + said);
    return said;
  }

  void start() {
    const fs::path mark = home_ + "/mark";
    fs::remove(mark);
    const bool leaves = what_.whose == Whose::leader;
    const pid_t expected = last_number() + (rung_ == "pidns" ? 3 : 2);  // after its keeper, and an init
    gateway_->say("start t " + test::program_path("adversaries/family") + " " + mark.native() +
                  (leaves ? " leave" : ""));
    if (leaves && what_.same_tick) {
      (void)soon([&] { return last_number() >= expected; });  // it has been born, and ends at once
      take({expected}, kFree);
    }
    const auto said = gateway_->answer();
    if (!said.starts_with("started ")) return blame("the start: " + said);
    leader_ = std::atoi(said.c_str() + said.rfind(' '));
    if (!soon([&] { return fs::exists(mark); })) return blame("it is never ready");
    for (const auto& innocent : innocents_)
      if (const auto entry = the_entry(); entry && innocent->pid() == leader_)
        count_tick(entry->leader.start_ticks == innocent->start_ticks());
    note_numbers();
  }

  void count_tick(bool same) { counts_.by_themselves += same, counts_.same_tick += same; }

  void note_numbers() {
    keeper_ = 0;
    numbers_ = {leader_};
    (void)os::for_each_child(gateway_->pid(), [&](pid_t child) { keeper_ = child; });
    std::deque<pid_t> queue{keeper_};
    while (!queue.empty()) {
      const pid_t parent = queue.front();
      queue.pop_front();
      numbers_.insert(parent);
      (void)os::for_each_child(parent, [&](pid_t child) { queue.push_back(child); });
    }
  }

  void choose_victims(std::mt19937& random) {
    victims_.clear();
    if (what_.whose == Whose::keeper) victims_ = {keeper_};
    if (what_.whose == Whose::entry) victims_ = {keeper_, leader_};
    if (what_.whose == Whose::leader) victims_ = {leader_};  // dead already
    if (what_.whose != Whose::member) return;
    for (const pid_t pid : numbers_)
      if (const auto stat = os::read_stat(pid); stat && pid != leader_ && stat->comm.view() == "family")
        victims_.push_back(pid);
    if (victims_.size() < 2) return blame("it has no kin");
    if (random() % 2 == 0) std::swap(victims_[0], victims_[1]);
    if (random() % 2 == 0) victims_.pop_back();
  }
  void kill(pid_t pid) {
    const bool innocent =
        std::ranges::any_of(innocents_, [&](const auto& each) { return each->includes(pid); });
    if (const auto process = os::PidFd::open(pid); process && !innocent) (void)process->signal(SIGKILL);
  }
  void kill_victims() {
    for (const pid_t pid : victims_) kill(pid);
  }

  // Innocents on those that are free, or become it.
  void take(const std::set<pid_t>& numbers, milliseconds limit) {
    std::set<pid_t> left = numbers;
    for (const auto& innocent : innocents_) left.erase(innocent->pid());
    for (const auto end = Clock::now() + limit; !left.empty() && Clock::now() < end; reap())
      std::erase_if(left, [&](pid_t number) {
        auto innocent = Innocent::on(number, what_.name);
        if (!innocent) return false;
        innocents_.push_back(std::make_unique<Innocent>(*std::move(innocent)));
        return true;
      });
  }
  void reap() {
    while (const pid_t dead = dead_orphan())
      if (!os::wait_child(dead).value_or(os::Waited{}).pid) break;
  }

  void end_by_gateway() {
    const bool sweeps = what_.event == Event::sweep;
    const auto free = std::set(victims_.begin(), victims_.end());
    if (!what_.during) kill_victims(), take(free, kFree);
    if (sweeps) gateway_->say("orphan t");
    gateway_->say(sweeps ? "sweep" : "stop t");
    if (what_.during) kill_victims();
    take(numbers_, 2 * kFree);
    if (sweeps && gateway_->answer() != "orphaned") blame("not orphaned");
    const auto said = gateway_->answer();
    if (sweeps ? !said.starts_with("swept") : said != "gone") blame("the end: " + said);
    expect_nobody();
  }

  void end_by_death() {
    const bool both = what_.event == Event::double_death || what_.whose == Whose::keeper;
    std::set<pid_t> free(victims_.begin(), victims_.end());
    if (!what_.during) kill_victims(), take(free, kFree);
    gateway_->kill();
    if (both) kill(keeper_), free.insert(keeper_);
    if (what_.during) kill_victims();
    free.insert(leader_);
    if (what_.gateway) free.insert(gateway_->pid());
    if (both && rung_ != "pidns") {
      take(free, kFree);
    } else {
      free.insert(numbers_.begin(), numbers_.end());
      (void)soon([&] { return take(free, milliseconds(5)), members().empty(); });
      if (!members().empty()) blame("left by a dead gateway: " + describe());
    }
    next_start();
  }

  void next_start() {
    const bool unclear = write_as_it_might_be();
    const pid_t dead = gateway_->pid();
    gateway_.reset();
    const auto said = enter_gateway();
    // Nothing tells whether that gateway lives: then it is its affair.
    if (unclear && sits_on(dead)) return start_anew();
    if (!unclear && !sits_on(leader_) && !said.ends_with(" unverified 0"))
      blame("the next start says: " + said);
    expect_nobody();
  }
  void start_anew() {
    gateway_.reset();
    for (const pid_t pid : members()) kill(pid);
    if (!soon([&] { return members().empty(); })) blame("left: " + describe());
    fs::remove_all(home_ + "/state/ledger");
  }

  // The ledger, as it would be without handles, or with all in one tick. True: nothing but the mark tells an
  // innocent from whom it names.
  bool write_as_it_might_be() {
    auto entry = the_entry();
    if (!entry) return false;
    bool unclear = false;
    for (custody::Identity* who : {&entry->gateway, &entry->keeper, &entry->leader}) {
      if (!what_.handles) who->handle = 0;
      for (const auto& innocent : innocents_) {
        if (innocent->pid() != who->pid) continue;
        const bool same = who->start_ticks == innocent->start_ticks();
        count_tick(same);
        if (!same && what_.same_tick) who->start_ticks = innocent->start_ticks(), ++counts_.same_tick;
        unclear = unclear || (who->handle == 0 && who->start_ticks == innocent->start_ticks());
      }
    }
    if (const auto ledger = custody::Ledger::open(home_ + "/state/ledger"); !ledger || !ledger->write(*entry))
      blame("the ledger cannot be written");
    return unclear;
  }
  [[nodiscard]] std::optional<custody::LedgerEntry> the_entry() const {
    std::error_code ec;
    for (const auto& file : fs::directory_iterator(home_ + "/state/ledger", ec)) {
      std::stringstream text;
      text << std::ifstream(file.path()).rdbuf();
      if (auto entry = custody::decode(text.str())) return *std::move(entry);
    }
    return std::nullopt;
  }

  [[nodiscard]] bool sits_on(pid_t number) const {
    return std::ranges::any_of(innocents_, [&](const auto& innocent) { return innocent->pid() == number; });
  }
  // Living processes of this world but its init, the gateway and the innocents.
  [[nodiscard]] std::vector<pid_t> members() const {
    std::vector<pid_t> found;
    (void)os::for_each_process([&](pid_t pid) {
      const bool innocent =
          std::ranges::any_of(innocents_, [&](const auto& each) { return each->includes(pid); });
      if (pid == 1 || innocent || (gateway_ && pid == gateway_->pid())) return;
      if (const auto process = os::PidFd::open(pid); process && !process->exited()) found.push_back(pid);
    });
    return found;
  }
  // A child of ours, as the world's init, that is dead: the kernel gave it to us.
  [[nodiscard]] pid_t dead_orphan() const {
    pid_t dead = 0;
    (void)os::for_each_child(1, [&](pid_t child) {
      const bool innocent =
          std::ranges::any_of(innocents_, [&](const auto& each) { return each->includes(child); });
      if (const auto process = os::PidFd::open(child); process && process->exited() && !innocent)
        dead = child;
    });
    return dead;
  }
  [[nodiscard]] std::string describe() const {
    std::string text;
    for (const pid_t pid : members())
      if (const auto stat = os::read_stat(pid))
        text += std::to_string(pid) + " " + std::string(stat->comm.view()) + " ";
    return text;
  }
  bool soon(const std::function<bool()>& condition) {
    for (const auto end = Clock::now() + test::patience(kGone); !condition(); reap()) {
      if (Clock::now() >= end) return false;
      (void)os::poll_all({}, milliseconds(0));
    }
    return true;
  }
  void expect_nobody() {
    if (!soon([&] { return members().empty(); })) blame("left: " + describe());
    if (!soon([&] { return !the_entry(); })) blame("an entry is left in the ledger");
  }

  const std::string home_, rung_;
  Try what_;
  std::string wrong_;
  std::unique_ptr<Puppet> gateway_;
  pid_t leader_ = 0, keeper_ = 0;
  std::set<pid_t> numbers_;  // of the tree, its keeper among them
  std::vector<pid_t> victims_;
  std::vector<std::unique_ptr<Innocent>> innocents_;
  Counts counts_;
};

int play_all(const std::string& home, const std::string& rung, unsigned seed, int tries) {
  fs::create_directory(home + "/state");
  os::ignore_signal(SIGPIPE);
  std::mt19937 random(seed);
  Game game(home, rung);
  for (int i = 0; i < tries; ++i) {
    const Try what = random_try(random);
    std::error_code none;
    const auto before = fs::file_size(home + "/log", none);
    const auto wrong = game.play(what, random);
    if (wrong.empty()) continue;
    std::ifstream log(home + "/log");
    if (!none) log.seekg(static_cast<std::streamoff>(before));
    std::cout << "try " << i << " (" << to_string(what) << "): " << wrong << '\n' << log.rdbuf();
    std::cout.flush();  // an _exit follows
    return kWrong;
  }
  const auto& [innocents, same_tick, by_themselves] = game.counts();
  std::cout << "tries " << tries << " innocents " << innocents << " same_tick " << same_tick
            << " by_themselves " << by_themselves << std::endl;
  return kGood;
}

int main_of(const std::vector<std::string>& words) {
  if (words.size() != 3) {
    std::fprintf(stderr, "usage: reuse_run leaf|tree|pidns SEED TRIES\n");
    return kUsage;
  }
  return in_a_world(words[0] == "leaf", [&](const std::string& home) {
    return play_all(home, words[0], static_cast<unsigned>(std::stoul(words[1])), std::stoi(words[2]));
  });
}

}  // namespace
}  // namespace holdfast::faults

int main(int argc, char** argv) { return holdfast::faults::main_of({argv + 1, argv + argc}); }
