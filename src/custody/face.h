// The face of `holdfast run`: the caller's direct child, which plays the gateway's part towards one ordinary
// keeper. It watches whom a gateway would not have: the caller, the caller's signals and the end of the
// command's input. It reports the command's status; keeper and face each watch the other and finish alone. No
// heap, one thread, nothing on disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "custody/face_options.h"
#include "custody/face_report.h"
#include "custody/keeper_protocol.h"
#include "custody/ladder.h"
#include "custody/members.h"
#include "os/cgroup.h"
#include "os/pidfd.h"
#include "os/spawn.h"

namespace holdfast::custody {

inline constexpr std::string_view kFaceLeaf = "holdfast-run-";  // and 8 hex digits

inline constexpr int kRunTimeOver = 124;
inline constexpr int kRunFailed = 125;
inline constexpr int kRunNotExecutable = 126;
inline constexpr int kRunNotFound = 127;

// `run` itself says no, in a sentence for people.
inline std::unexpected<Error> custody_refusal(std::string_view why) {
  return holdfast::fail(Errc::refused, "", why);
}

// "openat /x: No such file or directory", without heap.
FixedString<480> describe(const Error& error);

class Face {
 public:
  // argv and environment are the program's own: the keeper is a copy of it, which wipes its own.
  Face(const FaceOptions& options, int argc, char** argv, char** environment)
      : options_(options), argc_(argc), argv_(argv), environment_(environment) {}
  // From the first look at the caller to the exit status.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;

  // face_start.cc
  Result<void> prepare();
  Result<void> watch_caller();
  Result<void> open_report();
  Result<void> check_files() const;
  Result<os::CgroupLeaf> make_leaf();
  Result<void> start();
  Result<void> start_keeper(os::CgroupLeaf leaf);
  [[nodiscard]] int become_keeper(const os::PidFd& face, int lifeline, int leaf) const;
  bool again();

  // face.cc: while the keeper lives
  int get_ready();  // 0, or the exit status
  int begin();      // the same
  void serve();
  milliseconds timeout() const;
  void hear();
  void heed(const KeeperDatagram& message, UniqueFd fd);
  void note_started(pid_t leader, UniqueFd handle);
  void note_spawn_error(os::SpawnStep step, int number);
  void note_heard(std::int64_t number);
  void note_signals();
  void note_children();
  void note_input(short ready);
  void note_caller();
  void note_silent_leader();
  void note_time(Clock::time_point now);
  void look_for_a_writer();
  void watch_input_again();
  void let_go_of_input();
  void ask(KeeperMessage kind, std::int64_t a = 0, std::int64_t b = 0);
  void terminate(LadderEvent why);
  void press(Clock::time_point now);
  void because(std::string_view cause, int signal = 0);

  // face_end.cc: once it does not
  void reap();
  void finish();
  void finish_alone();
  void give_up(std::int64_t left, bool refused);
  int conclude();
  int fail(int status, const Error& error);

  // What is known of one keeper and of what it started, and what it was asked: the next one begins with a
  // fresh one.
  struct OneKeeper {
    UniqueFd lifeline;
    os::PidFd process, leader;
    pid_t leader_pid = 0;
    bool in_leaf = false, started = false, said_empty = false;
    LadderState ladder = LadderState::serving;  // as it told it
    std::optional<Error> spawn_error;
    std::int64_t spawn_step = 0;
    std::optional<os::Waited> leader_end, end;

    // What it was asked and has not acknowledged: SIGCONT, then SIGKILL.
    std::int64_t asked = 0, awaited = 0;
    int pressed = 0;
    Clock::time_point press_at = Clock::time_point::max();
    Clock::time_point first_stop{};
    int stops = 0;
  };

  FaceOptions options_;
  int argc_;
  char **argv_, **environment_;
  FaceReport report_;
  UniqueFd report_fd_, signals_, own_cgroup_;
  os::PidFd caller_;
  pid_t caller_pid_ = 0;
  bool leaf_allowed_ = true;
  bool strangers_ = false;  // it has, or may get, children that are no part of the tree
  OneKeeper keeper_;

  bool gave_up_ = false, terminate_asked_ = false, caller_gone_ = false, settled_ = false;
  bool input_watched_ = false, input_is_fifo_ = false, input_ended_ = false;
  std::uint64_t early_signals_ = 0;  // a bit each: for the command, before it was started
  Clock::time_point time_over_ = Clock::time_point::max();
  Clock::time_point look_at_ = Clock::time_point::max();  // at a FIFO that seemed to end
  std::optional<Members> members_;                        // last, as in the keeper
};

// `holdfast-keeper run …`: all of it.
int show_face(int argc, char** argv, char** environment);

}  // namespace holdfast::custody
