// The keeper: parents one server, adopts what detaches from it, and ends all of it by the ladder. The body of
// the program holdfast-keeper (keeper_protocol.h says what it is started with); no heap, one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/fixed_string.h"
#include "base/result.h"
#include "custody/keeper_init.h"
#include "custody/keeper_protocol.h"
#include "custody/ladder.h"
#include "custody/members.h"
#include "os/pidfd.h"

namespace holdfast::custody {

inline constexpr int kKeeperEmpty = 0;       // proven empty
inline constexpr int kKeeperGaveUp = 1;      // members would not die and nobody is left to tell
inline constexpr int kKeeperUsage = 2;       // called wrongly, or not by a gateway
inline constexpr int kKeeperNoServer = 125;  // the server could not be started

struct KeeperOptions {
  FixedString<64> id;
  std::chrono::milliseconds lost{1000};
  std::chrono::milliseconds patience{5000};
  std::chrono::milliseconds left = kLeft;
  std::uint64_t files = 0;  // 0: as many as the keeper has
  std::uint64_t data = 0;   // bytes; 0: the same
  // A copy of a face: nobody else removes the leaf, and somebody may have stopped the face.
  bool face = false;
  bool leaf = false;
  bool leaf_by_procs = false;
  bool pidns = false;
  const char* cwd = nullptr;
  char** arguments = nullptr;  // argv of the server, null-terminated, of at least one word
};
// Of the keeper's own command line. nullopt: not understood.
std::optional<KeeperOptions> parse_keeper_options(int argc, char** argv);

// The server was started, or was not; keeper_start.cc.
struct Birth {
  os::PidFd leader;
  std::uint64_t start_ticks = 0;
  bool poisoned = false;
  PipeEnd in, out;  // the pipes it was given as descriptors 0 and 1
  Init init;        // rung pidns: whose child it is
};
// Its first acts, before which a blow at its parent's process group would hit it as well.
void begin_keeper();
Result<void> prepare_keeper();                // subreaper, descriptors, name
inline constexpr int kReapsPerRound = 20000;  // a bound against a chain that dies as fast as we reap

// The gateway died. A server that were started now would be nobody's: the next gateway may have looked
// already.
bool gateway_died();

// Where it failed goes into `step`, as in `spawn_failed`. Nothing is started for a gateway that died.
Result<Birth> start_server(const KeeperOptions& options, char** environment, std::int64_t& step);
// The same in a PID namespace, by an init; keeper_init.cc.
Result<Birth> start_inside(const KeeperOptions& options, int argc, char** argv, char** environment,
                           std::int64_t& step);
// Says so on its lifeline, to whoever is there.
void tell_failure(const Error& error, std::int64_t step, int lifeline = kLifelineFd);
// Forgets what the server was given: descriptors 0-2, arguments, environment. The title becomes
// `title` and the tree's id.
void let_go(const KeeperOptions& options, std::string_view title, int argc, char** argv, char** environment);

class Keeper {
 public:
  Keeper(const KeeperOptions& options, Birth birth, UniqueFd signals);
  // Until the tree is empty. The exit status.
  int run();

 private:
  using Clock = std::chrono::steady_clock;

  void step(LadderEvent event);
  void arm(Grace grace, bool entered);
  void enter(LadderEvent why);
  void kill_passes();
  void reap();
  void ask_for_leader_end();
  void note_leader();
  void note_successor();
  void wait();
  void hear_lifeline();
  void heed(const KeeperDatagram& message);
  void pass_on(int signal);
  void resume();
  void leave();
  void gateway_is_gone();
  void say(KeeperMessage kind, std::int64_t a = 0, std::int64_t b = 0, std::int64_t c = 0);
  void say(const KeeperDatagram& message, int fd = -1);  // with a copy of `fd`
  void say_unkillable(const Members::Pass& pass, bool refused);

  KeeperOptions options_;
  UniqueFd signals_, events_;
  os::PidFd leader_, successor_;
  Init init_;
  PipeEnd in_, out_;

  LadderState state_ = LadderState::serving;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point next_pass_ = Clock::time_point::max();
  Clock::time_point word_by_ = Clock::time_point::max();  // rung pidns: when init's word is no longer awaited
  Clock::time_point look_again_ = Clock::time_point::max();  // whether the heir still holds our pipes
  std::size_t looks_ = 0;
  int passes_ = 0;
  std::chrono::milliseconds eof_{2000}, term_{3000};

  bool gateway_gone_ = false, gave_up_ = false, leader_noted_ = false;
  std::optional<os::Waited> leader_end_;
  int terminated_ = 0, killed_ = 0;
  std::int64_t told_left_ = -1;  // the last `unkillable`, so that it is told once
  std::int64_t told_refused_ = -1;
  Members members_;  // last: most of its queue is never touched, and what is lies on as few pages as it can
};

// Whole pages for an object that lives as long as its program: static, since members' queue would make the
// stack grow for good, and plain, since the guard of a static object lies behind it and costs a page. Most of
// the queue's pages are never touched, and what stands around them is not spread over more.
template <class T>
struct alignas(4096) Pages {
  std::byte room[sizeof(T)];
};

// All of it: what main() returns. argv and environment are the program's own, and are wiped.
int keep(int argc, char** argv, char** environment);
// The same after begin_keeper(), where the options are known: in a copy of the face.
int keep(const KeeperOptions& options, int argc, char** argv, char** environment);

}  // namespace holdfast::custody
