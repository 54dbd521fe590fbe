#include "gateway/attribution.h"

#include <algorithm>

#include "base/mutant.h"

namespace holdfast::gateway {

Addressee addressee(std::span<const CallAtWork> calls, const ContactPtr& alone) {
  if (calls.empty()) return {.who = alone};
  const ContactPtr& first = calls.front().who;
  const bool same = std::ranges::all_of(calls, [&](const CallAtWork& call) { return call.who == first; });
  if (!same && kSwitchedOff != Mechanism::nothing_is_guessed) return {};
  const auto waits = [](const CallAtWork& call) { return !call.abandoned; };
  if (std::ranges::count_if(calls, waits) != 1) return {.who = first};
  return {.who = first, .call = std::ranges::find_if(calls, waits)->number};
}

}  // namespace holdfast::gateway
