// The stop ladder, written once: state x event -> what to do. Pure: no clock, no descriptor, no heap. Driven
// by the keeper's poll loop. What a dead keeper left gets its last rung at once, from the custodian or
// recovery.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::custody {

enum class LadderState : std::uint8_t {
  serving,  // the leader lives
  handed,   // the leader exited with 0 and members hold our pipes: they are served on
  eof,      // stdin is closed; waiting for the tree to end by itself
  term,     // SIGTERM and SIGCONT went to every member
  kill,     // SIGKILL passes until the kernel says the tree is empty
  done,
};
enum class LadderEvent : std::uint8_t {
  stop,            // the gateway asked: stdin has just been closed
  gateway_gone,    // the lifeline closed or the gateway's pidfd woke: end-of-file has happened, short ladder
  keeper_gone,     // only the custodian sees this one: no grace at all
  leader_left,     // the leader exited and nobody is served on
  leader_handed,   // the leader exited with 0 and members hold our pipes
  successor_left,  // the last member that held our pipes is gone
  deadline,        // the current state's grace is over
  empty,           // nothing is left
  terminate,       // end it without waiting for an end-of-file: a signal, or its time is over
  caller_gone,     // whoever started it is dead; an end-of-file that is being waited for keeps its grace
  input_back,      // stdin is a FIFO, and somebody opened it for writing again: its end was none
};
inline constexpr LadderEvent kLastLadderEvent = LadderEvent::input_back;
enum class Grace : std::uint8_t {
  keep,
  none,
  eof,
  term,
  lost,
  left,
  patience
};  // which deadline to arm; left: 1 s

struct LadderStep {
  LadderState next{};
  Grace grace{};         // deadline of the new state; keep: leave the one that runs. Without `entered` it may
                         // only shorten the one that runs
  bool entered = false;  // the state's own action is due (close stdin, TERM everybody, a kill pass)
};
LadderStep advance(LadderState state, LadderEvent event);
std::string_view to_string(LadderState state);
std::string_view to_string(LadderEvent event);

}  // namespace holdfast::custody
