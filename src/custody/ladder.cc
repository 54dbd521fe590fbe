#include "custody/ladder.h"

#include <array>
#include <cstddef>

namespace holdfast::custody {
namespace {

using S = LadderState;
using G = Grace;

constexpr std::size_t kStates = 6;
constexpr std::size_t kEvents = static_cast<std::size_t>(kLastLadderEvent) + 1;
constexpr LadderStep stay(S state) { return {state, G::keep, false}; }
constexpr LadderStep enter(S state, G grace) { return {state, grace, true}; }
constexpr LadderStep shorten(S state, G grace) { return {state, grace, false}; }

using Row = std::array<LadderStep, kStates>;
constexpr LadderStep kDone = stay(S::done);

// Rows: LadderEvent. Columns: serving, handed, eof, term, kill, done. From kill there is no way back, and a
// second wish never climbs faster than its grace: only time and death escalate. The one way down is from eof,
// when what was taken for the end of the input was not.
constexpr std::array<Row, kEvents> kTable{{
    // stop
    {enter(S::eof, G::eof), enter(S::eof, G::eof), stay(S::eof), stay(S::term), stay(S::kill), kDone},
    // gateway_gone: whoever asked for patience is dead, so `lost` is all that is left of it
    {enter(S::term, G::lost), enter(S::term, G::lost), enter(S::term, G::lost), shorten(S::term, G::lost),
     stay(S::kill), kDone},
    // keeper_gone: a survivor's politeness is the assassin's window
    {enter(S::kill, G::patience), enter(S::kill, G::patience), enter(S::kill, G::patience),
     enter(S::kill, G::patience), enter(S::kill, G::patience), kDone},
    // leader_left
    {enter(S::term, G::left), stay(S::handed), enter(S::term, G::left), stay(S::term), stay(S::kill), kDone},
    // leader_handed: in eof the heirs see the end of file too, and have what is left of its grace
    {enter(S::handed, G::none), stay(S::handed), stay(S::eof), stay(S::term), stay(S::kill), kDone},
    // successor_left
    {stay(S::serving), enter(S::term, G::left), enter(S::term, G::left), stay(S::term), stay(S::kill), kDone},
    // deadline
    {stay(S::serving), stay(S::handed), enter(S::term, G::term), enter(S::kill, G::patience),
     enter(S::kill, G::patience), kDone},
    // empty
    {enter(S::done, G::none), enter(S::done, G::none), enter(S::done, G::none), enter(S::done, G::none),
     enter(S::done, G::none), kDone},
    // terminate
    {enter(S::term, G::term), enter(S::term, G::term), enter(S::term, G::term), stay(S::term), stay(S::kill),
     kDone},
    // caller_gone
    {enter(S::term, G::term), enter(S::term, G::term), stay(S::eof), stay(S::term), stay(S::kill), kDone},
    // input_back: a wrapper's heirs are handed to once more by who drives the table
    {stay(S::serving), stay(S::handed), enter(S::serving, G::none), stay(S::term), stay(S::kill), kDone},
}};

}  // namespace

LadderStep advance(LadderState state, LadderEvent event) {
  return kTable[static_cast<std::size_t>(event)][static_cast<std::size_t>(state)];
}

std::string_view to_string(LadderState state) {
  static constexpr std::array<std::string_view, kStates> names{"serving", "handed", "eof",
                                                               "term",    "kill",   "done"};
  const auto at = static_cast<std::size_t>(state);
  return at < kStates ? names[at] : "unknown";
}

std::string_view to_string(LadderEvent event) {
  static constexpr std::array<std::string_view, kEvents> names{
      "stop",     "gateway_gone", "keeper_gone", "leader_left", "leader_handed", "successor_left",
      "deadline", "empty",        "terminate",   "caller_gone", "input_back"};
  const auto at = static_cast<std::size_t>(event);
  return at < kEvents ? names[at] : "unknown";
}

}  // namespace holdfast::custody
