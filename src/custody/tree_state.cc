#include "custody/tree_state.h"

namespace holdfast::custody {

static_assert(static_cast<std::size_t>(TreeState::gone) + 1 == kTreeStates);
static_assert(static_cast<std::size_t>(TreeEvent::proven) + 1 == kTreeEvents);

std::string_view to_string(TreeEvent event) {
  switch (event) {
    case TreeEvent::started:
      return "started";
    case TreeEvent::orphan:
      return "orphan";
    case TreeEvent::stop:
      return "stop";
    case TreeEvent::leader_left:
      return "leader_left";
    case TreeEvent::keeper_lost:
      return "keeper_lost";
    case TreeEvent::give_up:
      return "give_up";
    case TreeEvent::proven:
      return "proven";
  }
  return "?";
}

}  // namespace holdfast::custody
