// What `holdfast run --report FILE` writes: one JSON object, at the end. No heap.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/fixed_string.h"
#include "custody/ladder.h"

namespace holdfast::custody {

struct FaceReport {
  using Clock = std::chrono::steady_clock;

  char** command = nullptr;
  const char* rung = "tree";
  FixedString<224> rung_reason;  // why it is not the leaf; empty: it is, or was not wanted
  std::chrono::system_clock::time_point started_at;
  Clock::time_point begin, end;
  std::int64_t pid = 0, keeper_pid = 0;  // 0: never started

  std::string_view ended_by =
      "command";             // command, end_of_input, caller_gone, signal, time_over, start_failed
  int signal = 0;            // ended_by signal: which
  bool keeper_lost = false;  // the face had to end the tree alone
  FixedString<224> error;    // why `run` failed

  bool status_known = false;
  int code = 0, leader_signal = 0;  // of the command; leader_signal 0: it exited with code
  int exit_status = 0;              // of `run`
  std::int64_t terminated = 0, killed = 0, left = 0;

  struct Rung {
    LadderState state{};
    LadderEvent why{};
    Clock::time_point at;
  };
  std::array<Rung, 8> rungs{};  // in the order in which they were entered
  std::size_t rung_count = 0;
  void enter(LadderState state, LadderEvent why);

  // False: it could not be written.
  bool write(int fd) const;
};

}  // namespace holdfast::custody
