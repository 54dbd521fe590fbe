// The states of a tree, as one table: state x event -> next state and what is due. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "custody/types.h"

namespace holdfast::custody {

enum class TreeEvent {
  started,      // the keeper reported the leader, and it is in the ledger
  orphan,       // nobody holds it any more
  stop,         // somebody wants it gone
  leader_left,  // the leader exited and nobody is served on: its keeper retires it
  keeper_lost,  // the keeper ended without having been asked to
  give_up,      // patience is over and members live on
  proven,       // the kernel says that it is empty
};
std::string_view to_string(TreeEvent event);

inline constexpr std::size_t kTreeStates = 6;
inline constexpr std::size_t kTreeEvents = 7;

enum class TreeAction {
  none,       // nothing to do: the event comes too late or again
  serve,      // it may be lent
  retire,     // tell the watcher that it is being retired
  ladder,     // as `retire` has been told already, only the ladder is due
  report,     // say aloud that it will not die
  bury,       // leaf, ledger entry and descriptors go
  forbidden,  // a programmer's error: logged, and nothing changes
};

struct TreeStep {
  TreeState next{};
  TreeAction action{};
};

// A tree in `orphaned` can only become `stopping` or `gone`; nothing leaves `gone`.
constexpr TreeStep advance(TreeState state, TreeEvent event);

namespace detail {
using enum TreeState;
using A = TreeAction;
inline constexpr auto kTreeTable = [] {
  using Row = std::array<TreeStep, kTreeEvents>;
  constexpr auto no = [](TreeState s) { return TreeStep{s, A::forbidden}; };
  constexpr auto stay = [](TreeState s) { return TreeStep{s, A::none}; };
  return std::array<Row, kTreeStates>{
      // clang-format off
      //       started             orphan                 stop                   leader_left            keeper_lost            give_up                   proven
      Row{{{active, A::serve},  no(starting),          {stopping, A::retire}, {stopping, A::retire}, {stopping, A::retire}, no(starting),             {gone, A::bury}}},
      Row{{no(active),          {orphaned, A::retire}, {stopping, A::retire}, {stopping, A::retire}, {stopping, A::retire}, no(active),               no(active)}},
      Row{{no(orphaned),        stay(orphaned),        {stopping, A::ladder}, {stopping, A::ladder}, {stopping, A::ladder}, no(orphaned),             {gone, A::bury}}},
      Row{{stay(stopping),      stay(stopping),        stay(stopping),        stay(stopping),        stay(stopping),        {unkillable, A::report},  {gone, A::bury}}},
      Row{{no(unkillable),      stay(unkillable),      stay(unkillable),      stay(unkillable),      stay(unkillable),      stay(unkillable),         {gone, A::bury}}},
      Row{{no(gone),            stay(gone),            stay(gone),            no(gone),              no(gone),              no(gone),                 no(gone)}},
      // clang-format on
  };
}();
}  // namespace detail

constexpr TreeStep advance(TreeState state, TreeEvent event) {
  return detail::kTreeTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

}  // namespace holdfast::custody
