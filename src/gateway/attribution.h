// To whom belongs what a server says of itself? Over stdio nothing links it to the call that caused it, so
// there is a ladder, and where it ends nobody is addressed: a wrong guess would show one client's affairs to
// another. Pure.
#pragma once

#include <span>

#include "gateway/consumer.h"

namespace holdfast::gateway {

// A call that the server may be at work on.
struct CallAtWork {
  ContactPtr who;
  CallNumber number = 0;
  bool abandoned = false;  // we stopped waiting for it; the server may not have stopped yet
};

struct Addressee {
  ContactPtr who;       // null: it cannot be told
  CallNumber call = 0;  // 0: of that session, but of which of its calls cannot be told
};

// `alone`: the session that holds the instance, if no other does. Calls come before it: what happens while
// they run is theirs, even if their session has ended meanwhile.
Addressee addressee(std::span<const CallAtWork> calls, const ContactPtr& alone);

}  // namespace holdfast::gateway
